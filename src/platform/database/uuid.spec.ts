import { firstUuidV7, uuidV7 } from './uuid.js';

describe('uuidV7', () => {
  it('is a UUID of version 7 and variant 10 that begins with its milliseconds', () => {
    const uuid = uuidV7(new Date(0x0193_a5c0_1234));
    expect(uuid).toMatch(/^0193a5c0-1234-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  it('sorts by time, and differs within a millisecond', () => {
    const now = new Date('2026-11-21T10:00:00Z');
    const later = new Date(now.getTime() + 1);
    const ids = Array.from({ length: 100 }, () => uuidV7(now));
    expect(new Set(ids).size).toBe(100);
    for (const id of ids) expect(id < uuidV7(later)).toBe(true);
  });
});

describe('firstUuidV7', () => {
  it('stands before all that is made at its time, and behind all that was made before', () => {
    for (const time of [0, 1, 1_700_000_000_000, 2 ** 47]) {
      const first = firstUuidV7(new Date(time));
      expect(first).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
      expect(first < uuidV7(new Date(time))).toBe(true);
      if (time > 0) expect(first > uuidV7(new Date(time - 1))).toBe(true);
    }
  });

  it('is one of the ends for times that no UUID has', () => {
    expect(firstUuidV7(new Date(-1))).toBe(firstUuidV7(new Date(0)));
    expect(firstUuidV7(new Date(8_640_000_000_000_000))).toMatch(/^ffffffff-ffff-0000-/);
  });
});
