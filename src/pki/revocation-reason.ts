/** CRLReason of RFC 5280 section 5.3.1; 7 is not used, and removeFromCRL stands only in delta CRLs. */
export const REVOCATION_REASON_CODES = {
  unspecified: 0,
  keyCompromise: 1,
  cACompromise: 2,
  affiliationChanged: 3,
  superseded: 4,
  cessationOfOperation: 5,
  certificateHold: 6,
  privilegeWithdrawn: 9,
  aACompromise: 10,
} as const;

export type RevocationReason = keyof typeof REVOCATION_REASON_CODES;

export const REVOCATION_REASONS = Object.keys(REVOCATION_REASON_CODES) as [RevocationReason, ...RevocationReason[]];

/** The reason with this CRLReason code, or null where RFC 5280 names none. */
export function findRevocationReason(code: number): RevocationReason | null {
  return REVOCATION_REASONS.find((reason) => REVOCATION_REASON_CODES[reason] === code) ?? null;
}
