/** The most that the API gives at once. */
const MAX_PAGE = 200;

export interface PageQuery {
  limit: number;
  cursor?: string;
}

export interface Page<T> {
  items: T[];
  nextCursor: string | null;
}

/** As many things of a list as were asked for, page after page. */
export async function readPages<T>(limit: number, readPage: (query: PageQuery) => Promise<Page<T>>): Promise<T[]> {
  const found: T[] = [];
  let cursor: string | null = null;
  do {
    const query = { limit: Math.min(MAX_PAGE, limit - found.length), ...(cursor !== null && { cursor }) };
    const page: Page<T> = await readPage(query);
    found.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor !== null && found.length < limit);
  return found;
}
