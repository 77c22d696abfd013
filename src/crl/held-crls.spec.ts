import type { CrlRepresentation, CrlVariant, PublishedCrl } from './crl-representation.js';
import { HeldCrls } from './held-crls.js';

const OVERHEAD = 2048;

const crl = (issuerId: string, crlNumber: number): PublishedCrl => ({
  scope: { issuerId, kind: 'complete', shard: 0 },
  crlNumber: String(crlNumber),
  sha256: '',
  thisUpdate: new Date(0),
  nextUpdate: new Date(0),
  sizeBytes: 0,
});

const representation = (
  issuerId: string,
  crlNumber: number,
  variant: CrlVariant = 'der',
  length = 1000,
): CrlRepresentation => ({ crl: crl(issuerId, crlNumber), variant, etag: '', length, chunks: [] });

const room = (count: number): HeldCrls => new HeldCrls(count * (1000 + OVERHEAD));

describe('HeldCrls', () => {
  it('finds what it was given, by number and variant', () => {
    const held = room(3);
    const kept = representation('a', 9);
    held.keep(kept);
    expect(held.find(crl('a', 9), 'der')).toBe(kept);
    expect(held.has(kept)).toBe(true);
    expect(held.find(crl('a', 10), 'der')).toBeNull();
    expect(held.find(crl('a', 9), 'pem')).toBeNull();
    expect(held.find(crl('b', 9), 'der')).toBeNull();
    expect(held.bytes).toBe(1000 + OVERHEAD);
  });

  it('lets go what was not asked for the longest when there is no more room', () => {
    const held = room(3);
    for (const id of ['a', 'b', 'c']) held.keep(representation(id, 1));
    held.find(crl('a', 1), 'der');
    held.keep(representation('d', 1));
    expect(['a', 'b', 'c', 'd'].filter((id) => held.find(crl(id, 1), 'der') !== null)).toEqual(['a', 'c', 'd']);
    held.keep(representation('e', 1, 'der', 2 * (1000 + OVERHEAD) - OVERHEAD));
    expect(['a', 'c', 'd', 'e'].filter((id) => held.find(crl(id, 1), 'der') !== null)).toEqual(['d', 'e']);
    expect(held.bytes).toBe(3 * (1000 + OVERHEAD));
  });

  it('does not keep what is larger than all of it, and lets nothing go for it', () => {
    const held = room(2);
    held.keep(representation('a', 1));
    held.keep(representation('b', 1, 'der', 10_000));
    expect(held.find(crl('b', 1), 'der')).toBeNull();
    expect(held.find(crl('a', 1), 'der')).not.toBeNull();
  });

  it('keeps a newer CRL in place of every variant of an older one, and never the reverse', () => {
    const held = room(9);
    for (const variant of ['der', 'pem', 'der-gzip', 'pem-gzip'] as const) held.keep(representation('a', 9, variant));
    held.keep(representation('b', 1));
    held.keep(representation('a', 10, 'pem'));
    expect(held.bytes).toBe(2 * (1000 + OVERHEAD));
    held.keep(representation('a', 9));
    expect(held.find(crl('a', 9), 'der')).toBeNull();
    expect(held.find(crl('a', 10), 'pem')).not.toBeNull();
    expect(held.find(crl('b', 1), 'der')).not.toBeNull();
  });

  it('lets an older CRL go even where the newer one is too large to keep', () => {
    const held = room(2);
    held.keep(representation('a', 1));
    held.keep(representation('a', 2, 'der', 10_000));
    expect(held.bytes).toBe(0);
    expect(held.findNewest(crl('a', 1).scope)).toBeNull();
  });

  it('knows the newest CRL of which anything is held', () => {
    const held = room(9);
    expect(held.findNewest(crl('a', 1).scope)).toBeNull();
    held.keep(representation('a', 9, 'pem-gzip'));
    expect(held.findNewest(crl('a', 1).scope)?.crlNumber).toBe('9');
    held.keep(representation('a', 10, 'der'));
    expect(held.findNewest(crl('a', 1).scope)?.crlNumber).toBe('10');
  });
});
