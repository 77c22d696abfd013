import {
  CRL_VARIANTS,
  isNewer,
  type CrlRepresentation,
  type CrlVariant,
  type PublishedCrl,
} from './crl-representation.js';
import { scopeKey, type CrlScope } from './crl-scope.js';

/** What an entry takes besides its bytes. */
const OVERHEAD_BYTES = 2048;

/** What a representation takes in memory. */
export function bytesOf({ length }: CrlRepresentation): number {
  return length + OVERHEAD_BYTES;
}

/** Representations of the newest CRLs, within a bound; what was not asked for the longest goes first. */
export class HeldCrls {
  /** By scope and variant; that which was asked for last stands last. */
  private readonly entries = new Map<string, CrlRepresentation>();
  private total = 0;

  constructor(private readonly maxBytes: number) {}

  get bytes(): number {
    return this.total;
  }

  /** The one of exactly this CRL. */
  find(crl: PublishedCrl, variant: CrlVariant): CrlRepresentation | null {
    const key = keyOf(crl.scope, variant);
    const entry = this.entries.get(key);
    if (entry?.crl.crlNumber !== crl.crlNumber) return null;
    this.entries.delete(key);
    this.entries.set(key, entry);
    return entry;
  }

  /** The newest CRL of a scope of which anything is held. */
  findNewest(scope: CrlScope): PublishedCrl | null {
    let newest: PublishedCrl | null = null;
    for (const variant of CRL_VARIANTS) {
      const crl = this.entries.get(keyOf(scope, variant))?.crl;
      if (crl !== undefined && (newest === null || isNewer(crl, newest))) newest = crl;
    }
    return newest;
  }

  has(representation: CrlRepresentation): boolean {
    return this.entries.get(keyOf(representation.crl.scope, representation.variant)) === representation;
  }

  /** Keeps it in place of all that is older. One that is larger than the bound is not kept, and puts nothing out. */
  keep(representation: CrlRepresentation): void {
    const { crl, variant } = representation;
    const newest = this.findNewest(crl.scope);
    if (newest !== null && isNewer(newest, crl)) return;
    for (const other of CRL_VARIANTS) {
      const held = this.entries.get(keyOf(crl.scope, other));
      if (held !== undefined && (other === variant || isNewer(crl, held.crl))) this.drop(held);
    }
    if (bytesOf(representation) > this.maxBytes) return;
    this.entries.set(keyOf(crl.scope, variant), representation);
    this.total += bytesOf(representation);
    for (const oldest of this.entries.values()) {
      if (this.total <= this.maxBytes) break;
      this.drop(oldest);
    }
  }

  private drop(representation: CrlRepresentation): void {
    this.entries.delete(keyOf(representation.crl.scope, representation.variant));
    this.total -= bytesOf(representation);
  }
}

function keyOf(scope: CrlScope, variant: CrlVariant): string {
  return `${scopeKey(scope)}/${variant}`;
}
