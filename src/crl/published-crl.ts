import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { Inject, Injectable } from '@nestjs/common';
import type { Pool } from 'pg';
import { boundedQuery } from '../platform/database/bounded-query.js';
import { PG_POOL } from '../platform/database/database.module.js';

const compress = promisify(gzip);

/** A published CRL as this process holds it. */
export class PublishedCrl {
  private compressing: Promise<Buffer> | null = null;

  constructor(
    readonly crlNumber: string,
    readonly der: Buffer,
    /** Hexadecimal. */
    readonly sha256: string,
    readonly thisUpdate: Date,
    readonly nextUpdate: Date,
  ) {}

  /** Compressed once, when it is first asked for. */
  gzip(): Promise<Buffer> {
    this.compressing ??= compress(this.der);
    return this.compressing;
  }
}

interface CrlRow {
  crl_number: string;
  crl_der: Buffer;
  crl_sha256: Buffer;
  this_update: Date;
  next_update: Date;
}

/** The published CRLs: each is read once, and then only its number is. */
@Injectable()
export class PublishedCrls {
  private readonly held = new Map<string, PublishedCrl>();

  constructor(@Inject(PG_POOL) private readonly pool: Pool) {}

  /** The CRL that is published now, or null when none was ever built. */
  async find(issuerId: string): Promise<PublishedCrl | null> {
    const [current] = await boundedQuery<{ crl_number: string | null }>(this.pool, {
      name: 'crl-number',
      text: 'SELECT crl_number FROM crls WHERE issuer_id = $1',
      values: [issuerId],
    });
    if (current === undefined || current.crl_number === null) return null;
    const held = this.held.get(issuerId);
    if (held?.crlNumber === current.crl_number) return held;
    return this.load(issuerId);
  }

  private async load(issuerId: string): Promise<PublishedCrl | null> {
    const [row] = await boundedQuery<CrlRow>(this.pool, {
      name: 'crl',
      text: `SELECT crl_number, crl_der, crl_sha256, this_update, next_update
               FROM crls WHERE issuer_id = $1 AND crl_number IS NOT NULL`,
      values: [issuerId],
    });
    if (row === undefined) return null;
    const crl = new PublishedCrl(
      row.crl_number,
      row.crl_der,
      row.crl_sha256.toString('hex'),
      row.this_update,
      row.next_update,
    );
    const held = this.held.get(issuerId);
    // Two loads may overlap: the newer one stays.
    if (held === undefined || BigInt(held.crlNumber) < BigInt(crl.crlNumber)) this.held.set(issuerId, crl);
    return crl;
  }
}
