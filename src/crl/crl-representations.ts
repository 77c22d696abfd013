import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { Clock } from '../platform/clock/clock.js';
import { CONFIG } from '../platform/config/config.module.js';
import type { Config } from '../platform/config/env.js';
import { compress, copyOf, encodePem } from './crl-encodings.js';
import { CrlLoans } from './crl-loans.js';
import { CrlMemoryMetrics } from './crl-memory.metrics.js';
import {
  chooseVariant,
  findDescription,
  type CrlDescription,
  type CrlRepresentation,
  type CrlVariant,
  type PublishedCrl,
} from './crl-representation.js';
import type { CrlForm } from './crl-path.js';
import { scopeKey, type CrlScope } from './crl-scope.js';
import { CrlStore } from './crl-store.js';
import { bytesOf, HeldCrls } from './held-crls.js';

/** The bytes of published CRLs: each is read and encoded once, by one of those who ask at the same time. */
@Injectable()
export class CrlRepresentations {
  private readonly held: HeldCrls;
  private readonly loans: CrlLoans;
  private readonly making = new Map<string, Promise<CrlRepresentation | null>>();

  constructor(
    private readonly store: CrlStore,
    private readonly clock: Clock,
    private readonly metrics: CrlMemoryMetrics,
    @Inject(CONFIG) private readonly config: Config,
  ) {
    const { memoryMax } = config.crl;
    this.held = new HeldCrls(memoryMax);
    this.loans = new CrlLoans(memoryMax);
    metrics.watchBytes(() => this.countBytes());
  }

  choose(crl: PublishedCrl, form: CrlForm, acceptsGzip: boolean): CrlVariant {
    return chooseVariant(crl, form, acceptsGzip, this.config.crl.memoryMax);
  }

  /** The newest CRL of a scope that is in memory, while it is valid. */
  findValid(scope: CrlScope): PublishedCrl | null {
    const crl = this.held.findNewest(scope);
    return crl !== null && crl.nextUpdate > this.clock.now() ? crl : null;
  }

  /** What a client is told before the bytes. Null when that CRL was replaced before it could be found out. */
  async describe(crl: PublishedCrl, variant: CrlVariant): Promise<CrlDescription | null> {
    return findDescription(crl, variant) ?? this.findInMemory(crl, variant) ?? this.makeOnce(crl, variant);
  }

  /** The bytes. Null when that CRL was replaced before they were read. */
  async open(crl: PublishedCrl, variant: CrlVariant): Promise<CrlRepresentation | null> {
    const known = this.findInMemory(crl, variant);
    this.metrics.lookups.inc({ result: known === null ? 'miss' : 'hit' });
    return known ?? this.makeOnce(crl, variant);
  }

  /** Notes that a client is downloading it: {@link CrlLoans.begin}. */
  lend(representation: CrlRepresentation, breakOff: () => void): () => void {
    return this.loans.begin(representation, breakOff);
  }

  private findInMemory(crl: PublishedCrl, variant: CrlVariant): CrlRepresentation | null {
    return this.held.find(crl, variant) ?? this.loans.find(crl, variant);
  }

  private makeOnce(crl: PublishedCrl, variant: CrlVariant): Promise<CrlRepresentation | null> {
    const key = `${scopeKey(crl.scope)}/${variant}/${crl.crlNumber}`;
    let making = this.making.get(key);
    if (making === undefined) {
      making = this.make(crl, variant).finally(() => this.making.delete(key));
      this.making.set(key, making);
    }
    return making;
  }

  private async make(crl: PublishedCrl, variant: CrlVariant): Promise<CrlRepresentation | null> {
    const chunks = await this.makeChunks(crl, variant);
    if (chunks === null) return null;
    const description = findDescription(crl, variant) ?? {
      crl,
      variant,
      etag: `"${await sha256Of(chunks)}"`,
      length: lengthOf(chunks),
    };
    const representation = { ...description, chunks };
    this.held.keep(representation);
    return representation;
  }

  private async makeChunks(crl: PublishedCrl, variant: CrlVariant): Promise<Buffer[] | null> {
    switch (variant) {
      case 'der':
        return this.read(crl);
      case 'pem':
        return this.encode(crl, 'der', encodePem);
      case 'der-gzip':
        return this.encode(crl, 'der', compress);
      case 'pem-gzip':
        return this.encode(crl, 'pem', compress);
    }
  }

  private async encode(
    crl: PublishedCrl,
    from: CrlVariant,
    encode: (chunks: readonly Buffer[]) => Promise<Buffer[]>,
  ): Promise<Buffer[] | null> {
    const source = this.findInMemory(crl, from) ?? (await this.makeOnce(crl, from));
    return source === null ? null : encode(source.chunks);
  }

  private async read(crl: PublishedCrl): Promise<Buffer[] | null> {
    const chunks: Buffer[] = [];
    for await (const chunk of this.store.readChunks(crl.scope, crl.crlNumber)) chunks.push(copyOf(chunk));
    return lengthOf(chunks) === crl.sizeBytes ? chunks : null;
  }

  private countBytes(): number {
    const lentOnly = this.loans.list().filter((representation) => !this.held.has(representation));
    return lentOnly.reduce((sum, representation) => sum + bytesOf(representation), this.held.bytes);
  }
}

function lengthOf(chunks: readonly Buffer[]): number {
  return chunks.reduce((sum, { length }) => sum + length, 0);
}

/** Lets others have their turn after each chunk. */
async function sha256Of(chunks: readonly Buffer[]): Promise<string> {
  const hash = createHash('sha256');
  for (const chunk of chunks) {
    hash.update(chunk);
    await setImmediate();
  }
  return hash.digest('hex');
}
