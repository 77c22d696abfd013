import { isNewer, type CrlRepresentation, type CrlVariant, type PublishedCrl } from './crl-representation.js';
import { scopeKey } from './crl-scope.js';
import { bytesOf } from './held-crls.js';

/**
 * The representations that clients are downloading. They take memory whether they are kept or not: one that is still current is
 * shared by all who ask for it, and of those that were replaced, the earliest are given up when they take more than the bound.
 */
export class CrlLoans {
  /** What ends each download of a representation. That which was lent first stands first. */
  private readonly loans = new Map<CrlRepresentation, Set<() => void>>();

  constructor(private readonly maxReplacedBytes: number) {}

  /** Those lent now. */
  list(): CrlRepresentation[] {
    return [...this.loans.keys()];
  }

  /** The one of exactly this CRL, if somebody is downloading it. */
  find(crl: PublishedCrl, variant: CrlVariant): CrlRepresentation | null {
    const key = scopeKey(crl.scope);
    for (const lent of this.loans.keys()) {
      const same = lent.variant === variant && lent.crl.crlNumber === crl.crlNumber;
      if (same && scopeKey(lent.crl.scope) === key) return lent;
    }
    return null;
  }

  /**
   * Notes a download.
   * @param breakOff called when its memory is wanted back
   * @returns what is to be called at its end
   */
  begin(representation: CrlRepresentation, breakOff: () => void): () => void {
    const known = this.loans.get(representation);
    const downloads = known ?? new Set();
    downloads.add(breakOff);
    if (known === undefined) {
      this.loans.set(representation, downloads);
      this.giveUpReplaced();
    }
    return () => {
      downloads.delete(breakOff);
      if (downloads.size === 0 && this.loans.get(representation) === downloads) this.loans.delete(representation);
    };
  }

  private giveUpReplaced(): void {
    const replaced = this.listReplaced();
    let bytes = replaced.reduce((sum, representation) => sum + bytesOf(representation), 0);
    for (const representation of replaced) {
      if (bytes <= this.maxReplacedBytes) return;
      bytes -= bytesOf(representation);
      const downloads = this.loans.get(representation);
      this.loans.delete(representation);
      for (const breakOff of downloads ?? []) breakOff();
    }
  }

  private listReplaced(): CrlRepresentation[] {
    const newest = new Map<string, PublishedCrl>();
    for (const { crl } of this.loans.keys()) {
      const key = scopeKey(crl.scope);
      const known = newest.get(key);
      if (known === undefined || isNewer(crl, known)) newest.set(key, crl);
    }
    return this.list().filter(({ crl }) => newest.get(scopeKey(crl.scope))!.crlNumber !== crl.crlNumber);
  }
}
