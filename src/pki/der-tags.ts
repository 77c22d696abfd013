/** Identifier octets of X.690. Only low tag numbers (0 to 30) occur in X.509, CRLs and OCSP. */
export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  enumerated: 0x0a,
  utf8String: 0x0c,
  printableString: 0x13,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  bmpString: 0x1e,
  sequence: 0x30,
  set: 0x31,
} as const;

export const CONSTRUCTED = 0x20;

/** [n] of a primitive type, tagged implicitly. */
export function contextTag(n: number): number {
  return 0x80 | lowTagNumber(n);
}

/** [n] EXPLICIT, or [n] IMPLICIT of a constructed type. */
export function constructedContextTag(n: number): number {
  return contextTag(n) | CONSTRUCTED;
}

function lowTagNumber(n: number): number {
  if (!Number.isInteger(n) || n < 0 || n > 30) throw new RangeError(`tag number ${n} is not between 0 and 30`);
  return n;
}
