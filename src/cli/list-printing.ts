import type { Page } from '../../clients/typescript/src/page.js';
import type { Context, Options } from './command.js';
import { usageFailure } from './failure.js';
import type { Column } from './table.js';

/** What every list takes. */
export const LIST_OPTIONS = {
  limit: { value: 'N', summary: 'How many at the most, 1 to 1000. Default: 50' },
  cursor: { value: 'CURSOR', summary: 'Go on where an earlier list ended' },
  all: { summary: 'All of them, however many' },
} as const satisfies Options;

interface ListInput {
  readonly limit: string | undefined;
  readonly cursor: string | undefined;
  readonly all: boolean;
}

interface PageQuery {
  readonly limit: number;
  readonly cursor: string | undefined;
}

const WHOLE_PAGE = 500;

/**
 * Prints one page of a list, or all of them as they come.
 * @param nothing what is said of an empty list
 */
export async function printList<T>(
  context: Context,
  input: ListInput,
  list: {
    readonly columns: readonly Column<T>[];
    readonly nothing: string;
    fetch(query: PageQuery): Promise<Page<T>>;
  },
): Promise<void> {
  const limit = parseLimit(input.limit) ?? (input.all ? WHOLE_PAGE : 50);
  if (input.all) {
    const pages = pagesOf((cursor) => list.fetch({ limit, cursor }), input.cursor);
    await (context.terminal.json ? printAllAsJson(context, pages) : printAllAsTable(context, list, pages));
    return;
  }
  const page = await list.fetch({ limit, cursor: input.cursor });
  context.terminal.show(page, () => {
    if (page.items.length === 0) context.terminal.note(list.nothing);
    else context.terminal.printTable(list.columns, page.items);
    if (page.next_cursor !== null) {
      context.terminal.note(`There are more: repeat this with --cursor ${page.next_cursor}, or with --all.`);
    }
  });
}

async function* pagesOf<T>(
  fetch: (cursor: string | undefined) => Promise<Page<T>>,
  first: string | undefined,
): AsyncGenerator<Page<T>, void> {
  let cursor = first;
  do {
    const page = await fetch(cursor);
    yield page;
    cursor = page.next_cursor ?? undefined;
  } while (cursor !== undefined);
}

async function printAllAsTable<T>(
  { terminal }: Context,
  { columns, nothing }: { readonly columns: readonly Column<T>[]; readonly nothing: string },
  pages: AsyncIterable<Page<T>>,
): Promise<void> {
  const table = terminal.table(columns);
  let count = 0;
  for await (const { items } of pages) {
    if (items.length > 0) for (const line of table.lines(items)) terminal.print(line);
    count += items.length;
  }
  if (count === 0) terminal.note(nothing);
}

/** One document, however long, without keeping it. */
async function printAllAsJson<T>({ terminal }: Context, pages: AsyncIterable<Page<T>>): Promise<void> {
  let separator = '{"items":[\n';
  for await (const { items } of pages) {
    if (items.length === 0) continue;
    await terminal.printAll(separator + items.map((item) => JSON.stringify(item)).join(',\n'));
    separator = ',\n';
  }
  const begin = separator.startsWith('{') ? separator : '';
  terminal.printRaw(`${begin}\n],"next_cursor":null}\n`);
}

function parseLimit(text: string | undefined): number | null {
  if (text === undefined) return null;
  const limit = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (limit < 1 || limit > 1000) throw usageFailure('--limit must be a number from 1 to 1000.');
  return limit;
}
