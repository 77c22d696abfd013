import { Inject, Injectable } from '@nestjs/common';
import { escapeLiteral, type Pool } from 'pg';
import { boundedQuery } from '../platform/database/bounded-query.js';
import { PG_POOL } from '../platform/database/database.module.js';
import type { Tx } from '../platform/database/transaction.js';
import { CopyBinaryReader } from './copy-binary-reader.js';
import { bigintValue, copyIn, integerValue, smallintValue, textValue } from './copy-in.js';
import { copyOut } from './copy-out.js';
import type { CrlScope } from './crl-scope.js';

const CHUNK_BYTES = 1_048_576;
/** A relying party waits for the answer. */
const READ_TIMEOUT_MS = 4000;

/** A published CRL without its bytes. */
export interface PublishedRow {
  readonly crlNumber: string;
  /** Hexadecimal. */
  readonly sha256: string;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
  readonly sizeBytes: number;
}

/** A CRL that is to be published. */
export interface NewCrl {
  readonly crlNumber: bigint;
  /** The dirty revision up to which it holds every change. */
  readonly revision: string;
  readonly baseCrlNumber: bigint | null;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
  readonly entryCount: number;
  readonly der: Buffer;
  readonly sha256: Uint8Array;
  /** When its making began. */
  readonly generatedAt: Date;
  readonly generationDurationMs: number;
  /** How many URIs its issuing distribution point or its freshest CRL has. */
  readonly distributionPoints: number;
}

/** The published CRLs in the database. */
@Injectable()
export class CrlStore {
  constructor(@Inject(PG_POOL) private readonly pool: Pool) {}

  /** The CRL that is published in this scope now, or null where there is none. */
  async findPublished({ issuerId, kind, shard }: CrlScope): Promise<PublishedRow | null> {
    const [row] = await boundedQuery<Omit<PublishedRow, 'sizeBytes'> & { sizeBytes: string }>(this.pool, {
      name: 'crl-published',
      text: `SELECT crl_number AS "crlNumber", encode(crl_sha256, 'hex') AS sha256, this_update AS "thisUpdate",
                    next_update AS "nextUpdate", size_bytes AS "sizeBytes"
               FROM crls WHERE issuer_id = $1 AND kind = $2 AND shard = $3 AND crl_number IS NOT NULL`,
      values: [issuerId, kind, shard],
    });
    return row === undefined ? null : { ...row, sizeBytes: Number(row.sizeBytes) };
  }

  /** The DER of a CRL in pieces of 1 MiB. Ends early when a newer one has replaced it. */
  async *readChunks(scope: CrlScope, crlNumber: string): AsyncIterable<Buffer> {
    for (let position = 0; ; position++) {
      const chunk = await this.findChunk(scope, crlNumber, position);
      if (chunk === null) return;
      yield chunk;
    }
  }

  /** By COPY: the driver reads the bytes of other queries as text, which takes twice the room and many times as long. */
  private async findChunk(scope: CrlScope, crlNumber: string, position: number): Promise<Buffer | null> {
    const { issuerId, kind, shard } = scope;
    const select = `SELECT bytes FROM crl_chunks
                     WHERE issuer_id = ${escapeLiteral(issuerId)} AND kind = ${escapeLiteral(kind)}
                       AND shard = ${escapeLiteral(String(shard))} AND crl_number = ${BigInt(crlNumber)} AND position = ${position}`;
    const client = await this.pool.connect();
    // A connection that broke reports it here too; the stream in flight fails by itself.
    const ignore = (): void => undefined;
    client.on('error', ignore);
    let broken: Error | undefined;
    try {
      const pieces: Buffer[] = [];
      for await (const piece of copyOut(client, select, READ_TIMEOUT_MS)) pieces.push(piece);
      return firstValueOf(Buffer.concat(pieces));
    } catch (error) {
      broken = error as Error;
      throw error;
    } finally {
      client.off('error', ignore);
      client.release(broken);
    }
  }

  /**
   * Publishes, unless a CRL with a higher number was published meanwhile: an older CRL never replaces a newer one. False then,
   * and the transaction has to be rolled back. The row of `crls`, which every revocation wants, is taken last.
   */
  async publish(tx: Tx, scope: CrlScope, crl: NewCrl): Promise<boolean> {
    const { issuerId, kind, shard } = scope;
    const key = [issuerId, kind, shard, crl.crlNumber.toString()];
    await copyIn(tx, 'crl_chunks (issuer_id, kind, shard, crl_number, position, bytes)', chunksOf(scope, crl));
    await tx.query('DELETE FROM crl_chunks WHERE issuer_id = $1 AND kind = $2 AND shard = $3 AND crl_number < $4', key);
    const [, updated] = await tx.query<[unknown, number]>(
      `UPDATE crls
          SET crl_number = $4, built_revision = $5, base_number = $6, this_update = $7, next_update = $8, entry_count = $9,
              size_bytes = $10, crl_sha256 = $11, generated_at = $12, generation_duration_ms = $13, distribution_points = $14,
              dirty_since = CASE WHEN dirty_revision > $5 THEN clock_timestamp() END
        WHERE issuer_id = $1 AND kind = $2 AND shard = $3
          AND (crl_number IS NULL OR (crl_number < $4 AND this_update < $7))`,
      [
        ...key,
        crl.revision,
        crl.baseCrlNumber?.toString() ?? null,
        crl.thisUpdate,
        crl.nextUpdate,
        crl.entryCount,
        crl.der.length,
        crl.sha256,
        crl.generatedAt,
        crl.generationDurationMs,
        crl.distributionPoints,
      ],
    );
    return updated === 1;
  }
}

function* chunksOf({ issuerId, kind, shard }: CrlScope, { crlNumber, der }: NewCrl): Generator<Uint8Array[]> {
  const key = [textValue(issuerId), textValue(kind), smallintValue(shard), bigintValue(crlNumber)];
  for (let position = 0; position * CHUNK_BYTES < der.length; position++) {
    yield [...key, integerValue(position), der.subarray(position * CHUNK_BYTES, (position + 1) * CHUNK_BYTES)];
  }
}

/** Of the first column of the first row. */
function firstValueOf(copied: Buffer): Buffer | null {
  let value: Buffer | null = null;
  const reader = new CopyBinaryReader();
  reader.push(copied, (row) => (value ??= row.bytes(0)));
  if (!reader.complete) throw new Error('the stream of a CRL broke off');
  return value;
}
