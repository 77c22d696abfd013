import { randomBytes } from 'node:crypto';

/**
 * A UUID of version 7 (RFC 9562 section 5.7). Ids made later sort behind, so that a list ordered by id is a list ordered
 * by time and an id is a cursor.
 */
export function uuidV7(now: Date): string {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(now.getTime(), 0, 6);
  bytes[6] = (bytes[6]! & 0x0f) | 0x70;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return hyphenate(hex);
}

/** What sorts before every {@link uuidV7} of this time, and behind all of before. */
export function firstUuidV7(time: Date): string {
  const milliseconds = Math.min(Math.max(time.getTime(), 0), 2 ** 48 - 1);
  return hyphenate(milliseconds.toString(16).padStart(12, '0').padEnd(32, '0'));
}

function hyphenate(hex: string): string {
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
