import type { CrlScope } from './crl-scope.js';

export type CrlForm = 'der' | 'pem';

/** What stands behind /.well-known/pki/crl/. */
export interface CrlPath {
  readonly issuerId: string;
  /** Null where the path names no CRL of this issuer. */
  readonly wanted: { readonly scope: CrlScope; readonly form: CrlForm } | null;
}

/** What follows the id of the issuer; a shard in canonical decimal. */
const AFTER_ISSUER = /^(?:\/(delta|0|[1-9]\d{0,3}))?(?:\.(crl|pem))?$/;

/** Takes a path apart. Null where it begins with nothing that can be an issuer's id. */
export function findCrlPath(path: string): CrlPath | null {
  const issuerId = /^[a-z0-9-]{1,63}(?=[/.]|$)/.exec(path)?.[0];
  if (issuerId === undefined) return null;
  const match = AFTER_ISSUER.exec(path.slice(issuerId.length));
  if (match === null) return { issuerId, wanted: null };
  const [, name, extension] = match;
  return { issuerId, wanted: { scope: scopeOf(issuerId, name), form: extension === 'pem' ? 'pem' : 'der' } };
}

function scopeOf(issuerId: string, name: string | undefined): CrlScope {
  if (name === undefined) return { issuerId, kind: 'complete', shard: 0 };
  return name === 'delta' ? { issuerId, kind: 'delta', shard: 0 } : { issuerId, kind: 'shard', shard: Number(name) };
}
