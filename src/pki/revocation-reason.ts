/** CRLReason of RFC 5280 section 5.3.1, as far as a certificate has it; 7 is not used. */
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

/** Every CRLReason: removeFromCRL, which stands only in delta CRLs, is no reason to revoke. */
export const CRL_REASON_CODES = { ...REVOCATION_REASON_CODES, removeFromCRL: 8 } as const;

export type RevocationReason = keyof typeof REVOCATION_REASON_CODES;
export type CrlReason = keyof typeof CRL_REASON_CODES;

export const REVOCATION_REASONS = Object.keys(REVOCATION_REASON_CODES) as [RevocationReason, ...RevocationReason[]];

const CRL_REASONS = Object.keys(CRL_REASON_CODES) as CrlReason[];
const BY_CODE = Array.from({ length: 11 }, (_, code) =>
  CRL_REASONS.find((reason) => CRL_REASON_CODES[reason] === code),
);

/** The reason with this CRLReason code, or null where it is removeFromCRL or RFC 5280 names none. */
export function findRevocationReason(code: number): RevocationReason | null {
  const reason = findCrlReason(code);
  return reason === 'removeFromCRL' ? null : reason;
}

/** The reason with this CRLReason code, or null where RFC 5280 names none. */
export function findCrlReason(code: number): CrlReason | null {
  return BY_CODE[code] ?? null;
}
