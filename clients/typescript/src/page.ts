/** One page of a list. */
export interface Page<T> {
  readonly items: readonly T[];
  /** What asks for the next page; null on the last. */
  readonly next_cursor: string | null;
}

/** Goes through all pages of a list, and asks for the next when the one before is used up. */
export async function* eachItem<T>(
  fetchPage: (cursor: string | undefined) => Promise<Page<T>>,
): AsyncGenerator<T, void> {
  let cursor: string | undefined;
  do {
    const page = await fetchPage(cursor);
    yield* page.items;
    cursor = page.next_cursor ?? undefined;
  } while (cursor !== undefined);
}
