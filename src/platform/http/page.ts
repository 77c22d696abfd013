import { z } from 'zod';
import { DomainError } from '../errors/domain-error.js';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** The query parameters of every list. */
export const PAGE_QUERY = {
  limit: z.coerce.number().int().min(1).max(1000).default(50).describe('How many at the most.'),
  cursor: z.string().max(200).optional().describe('The `next_cursor` of the page before.'),
};

/** One page of a list; `next_cursor` is null on the last. */
export function pageSchema<T extends z.ZodType>(item: T) {
  return z.object({ items: z.array(item), next_cursor: z.string().nullable() });
}

/**
 * Cuts a page out of rows that were asked for with one more than the limit, ordered by id.
 * @returns the rows of the page and the opaque cursor to the next, or null
 */
export function cutPage<T extends { readonly id: string }>(
  rows: readonly T[],
  limit: number,
): { rows: readonly T[]; nextCursor: string | null } {
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  const more = rows.length > limit && last !== undefined;
  return { rows: page, nextCursor: more ? Buffer.from(last.id).toString('base64url') : null };
}

/**
 * The id behind an opaque cursor, or null without one.
 * @param idPattern what every id in the list looks like
 * @throws DomainError invalid_cursor
 */
export function findCursorId(cursor: string | undefined, idPattern = UUID): string | null {
  if (cursor === undefined) return null;
  const id = Buffer.from(cursor, 'base64url').toString('latin1');
  if (!idPattern.test(id)) {
    throw new DomainError(
      'invalid_cursor',
      'The cursor is not one of ours: pass the next_cursor of the page before, unchanged.',
    );
  }
  return id;
}
