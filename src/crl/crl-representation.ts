import { pemLengthOf } from './crl-encodings.js';
import type { CrlForm } from './crl-path.js';
import type { CrlScope } from './crl-scope.js';
import type { PublishedRow } from './crl-store.js';

/** A published CRL, without its bytes. */
export interface PublishedCrl extends PublishedRow {
  readonly scope: CrlScope;
}

/** The representations of a CRL (RFC 9110 section 3.2). Each has an entity tag of its own. */
export const CRL_VARIANTS = ['der', 'pem', 'der-gzip', 'pem-gzip'] as const;
export type CrlVariant = (typeof CRL_VARIANTS)[number];

/** What a client is told of a representation before its bytes. */
export interface CrlDescription {
  readonly crl: PublishedCrl;
  readonly variant: CrlVariant;
  /** Strong, with its quotes. */
  readonly etag: string;
  readonly length: number;
}

/** A representation in memory. Its bytes are never changed. */
export interface CrlRepresentation extends CrlDescription {
  readonly chunks: readonly Buffer[];
}

/** One of less fits into a packet as it is. */
const GZIP_MIN_BYTES = 1400;

/** Which representation suits the client. @param mostBytes the largest CRL that is worth the work, because it can be kept */
export function chooseVariant(crl: PublishedCrl, form: CrlForm, acceptsGzip: boolean, mostBytes: number): CrlVariant {
  const { sizeBytes } = crl;
  return acceptsGzip && sizeBytes >= GZIP_MIN_BYTES && sizeBytes <= mostBytes ? `${form}-gzip` : form;
}

/**
 * Describes a representation without making it. Null for a compressed one: not every machine compresses to the same bytes, and a
 * strong entity tag stands for bytes.
 */
export function findDescription(crl: PublishedCrl, variant: CrlVariant): CrlDescription | null {
  switch (variant) {
    case 'der':
      return { crl, variant, etag: `"${crl.sha256}"`, length: crl.sizeBytes };
    case 'pem':
      return { crl, variant, etag: `"${crl.sha256}-pem"`, length: pemLengthOf(crl.sizeBytes) };
    case 'der-gzip':
    case 'pem-gzip':
      return null;
  }
}

/** True when the first was published later: both are of one scope. */
export function isNewer(first: PublishedCrl, second: PublishedCrl): boolean {
  return BigInt(first.crlNumber) > BigInt(second.crlNumber);
}
