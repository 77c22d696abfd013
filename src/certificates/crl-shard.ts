/**
 * The CRL shard of a certificate, of so many: its serial number modulo the count. Serial numbers are random, so that shards
 * fill evenly. Null where there is only one: then the distribution point is the complete CRL.
 * @param serialNumber unsigned big-endian octets
 */
export function crlShardOf(serialNumber: Buffer, shards: number): number | null {
  if (shards === 1) return null;
  return serialNumber.reduce((remainder, octet) => (remainder * 256 + octet) % shards, 0);
}
