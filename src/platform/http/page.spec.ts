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
    const page = cutPage(all, limit);
    expect(page.rows).toEqual(all.slice(0, expected));
    expect(page.nextCursor !== null).toBe(more);
    if (more) expect(findCursorId(page.nextCursor!)).toBe(all[expected - 1]!.id);
  });
});

describe('findCursorId', () => {
  it('is null without a cursor', () => {
    expect(findCursorId(undefined)).toBeNull();
  });

  it.each([
    '',
    'x',
    ID,
    Buffer.from(ID.toUpperCase()).toString('base64url'),
    Buffer.from(`${ID}'`).toString('base64url'),
    '%00',
  ])('refuses %j, which is not ours', (cursor) => {
    expect(() => findCursorId(cursor)).toThrow(DomainError);
    expect(() => findCursorId(cursor)).toThrow('The cursor is not one of ours');
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
