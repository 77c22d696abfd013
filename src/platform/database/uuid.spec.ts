import { uuidV7 } from './uuid.js';

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
