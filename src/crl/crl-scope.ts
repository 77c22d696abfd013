import type { CrlKind } from './crl.entity.js';

/** Which certificates of an issuer a CRL is about, and whether it is a delta: each has one published CRL at a time. */
export interface CrlScope {
  readonly issuerId: string;
  readonly kind: CrlKind;
  /** From 0; 0 where the kind is not `shard`. */
  readonly shard: number;
}

export const completeCrlOf = (issuerId: string): CrlScope => ({ issuerId, kind: 'complete', shard: 0 });

/** The same for equal scopes, and for no others. */
export function scopeKey({ issuerId, kind, shard }: CrlScope): string {
  return `${issuerId}:${kind}:${shard}`;
}
