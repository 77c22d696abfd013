import { z } from 'zod';
import { DomainError } from '../errors/domain-error.js';
import { cutPage, findCursorId, PAGE_QUERY } from './page.js';

const ID = '0193a5c0-1111-7222-8333-444455556666';
const rows = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ id: ID.replace(/6666$/, String(9000 - index)) }));

describe('cutPage', () => {
  it.each([
    [0, 2, 0, false],
    [1, 2, 1, false],
    [2, 2, 2, false],
    [3, 2, 2, true],
  ])('makes of %d rows, asked for with a limit of %d, a page of %d; more: %s', (given, limit, expected, more) => {
    const all = rows(given);
    const page = cutPage(all, { limit });
    expect(page.rows).toEqual(all.slice(0, expected));
    expect(page.nextCursor !== null).toBe(more);
    if (more) expect(findCursorId({ limit: 7, cursor: page.nextCursor! })).toBe(all[expected - 1]!.id);
  });
});

describe('findCursorId', () => {
  it('is null without a cursor', () => {
    expect(findCursorId({ limit: 1 })).toBeNull();
  });

  it.each([
    '',
    'x',
    ID,
    Buffer.from(ID.toUpperCase()).toString('base64url'),
    Buffer.from(`${ID}'`).toString('base64url'),
    '%00',
  ])('refuses %j, which is not ours', (cursor) => {
    expect(() => findCursorId({ limit: 1, cursor })).toThrow(DomainError);
    expect(() => findCursorId({ limit: 1, cursor })).toThrow('The cursor is not one of ours');
  });

  it('refuses the cursor of another query, and takes one whose filters are the same', () => {
    const query = { limit: 1, status: 'revoked', before: new Date(0), issuer: undefined };
    const cursor = cutPage(rows(2), query).nextCursor!;
    const same = { before: new Date(0), status: 'revoked', limit: 9, cursor };
    expect(findCursorId(same)).toBe(rows(1)[0]!.id);
    for (const other of [
      { limit: 1 },
      { ...query, status: 'active' },
      { ...query, before: new Date(1000) },
      { ...query, issuer: 'a' },
    ]) {
      expect(() => findCursorId({ ...other, cursor })).toThrow('The cursor is of another query');
    }
  });
});

describe('the query parameters of a list', () => {
  const schema = z.strictObject(PAGE_QUERY);

  it('have a default limit and bounds', () => {
    expect(schema.parse({})).toEqual({ limit: 50 });
    expect(schema.parse({ limit: '1000' })).toEqual({ limit: 1000 });
    for (const limit of ['0', '1001', '-1', '1.5', 'x']) expect(schema.safeParse({ limit }).success).toBe(false);
    expect(schema.safeParse({ cursor: 'x'.repeat(201) }).success).toBe(false);
  });
});
