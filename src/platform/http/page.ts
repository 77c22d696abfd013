import { createHash } from 'node:crypto';
import { z } from 'zod';
import { DomainError } from '../errors/domain-error.js';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

const CURSOR_EXAMPLE = 'T1dGckpYQ1QwMTlhYTZjMi01ZDEwLTdjM2UtOWIxYS0yZjZjMWQwZTRhNTc';

/** The query parameters of every list. */
export const PAGE_QUERY = {
  limit: z.coerce.number().int().min(1).max(1000).default(50).describe('How many at the most.'),
  cursor: z
    .string()
    .max(200)
    .optional()
    .describe('The `next_cursor` of the page before.')
    .meta({ example: CURSOR_EXAMPLE }),
};

/** One page of a list; `next_cursor` is null on the last. */
export function pageSchema<T extends z.ZodType>(item: T) {
  const example: unknown = item.meta()?.['example'];
  const page = z.object({ items: z.array(item), next_cursor: z.string().nullable() });
  return page.meta({ example: { items: [example], next_cursor: CURSOR_EXAMPLE } });
}

interface ListQuery {
  readonly limit: number;
  readonly cursor?: string | undefined;
}

/**
 * Cuts a page out of rows that were asked for with one more than the limit, ordered by id.
 * @returns the rows of the page and the opaque cursor to the next, or null
 */
export function cutPage<T extends { readonly id: string }>(
  rows: readonly T[],
  query: ListQuery,
): { rows: readonly T[]; nextCursor: string | null } {
  const page = rows.slice(0, query.limit);
  const last = page.at(-1);
  const more = rows.length > query.limit && last !== undefined;
  return { rows: page, nextCursor: more ? Buffer.from(`${tagOf(query)}${last.id}`).toString('base64url') : null };
}

const TAG_LENGTH = 8;

/** What a cursor is good for: the same filters, in whatever order they are written; another limit does no harm. */
function tagOf(query: ListQuery): string {
  const { limit: _, cursor: __, ...filters } = query;
  const sorted = Object.entries(filters)
    .filter(([, value]) => value !== undefined)
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256').update(JSON.stringify(sorted)).digest('base64url').slice(0, TAG_LENGTH);
}

/**
 * The id behind the opaque cursor of a query, or null without one.
 * @param idPattern what every id in the list looks like
 * @throws DomainError invalid_cursor
 */
export function findCursorId(query: ListQuery, idPattern = UUID): string | null {
  if (query.cursor === undefined) return null;
  const text = Buffer.from(query.cursor, 'base64url').toString('latin1');
  const id = text.slice(TAG_LENGTH);
  if (!idPattern.test(id)) {
    throw new DomainError(
      'invalid_cursor',
      'The cursor is not one of ours: pass the next_cursor of the page before, unchanged.',
    );
  }
  if (text.slice(0, TAG_LENGTH) !== tagOf(query)) {
    throw new DomainError(
      'invalid_cursor',
      'The cursor is of another query: keep the filters as they were, or begin again without a cursor.',
    );
  }
  return id;
}
