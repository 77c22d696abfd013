import { createHash, randomBytes } from 'node:crypto';

/** A random API key: 256 bits, recognisable in a leak by its prefix. */
export function generateApiKey(): string {
  return `certplane_${randomBytes(32).toString('base64url')}`;
}

/** What is stored of a key. A fast hash will do: nobody guesses 256 random bits. */
export function hashApiKey(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}
