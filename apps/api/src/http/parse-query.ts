/** The query of a raw request URL, null when there is none: a repeated parameter becomes an array. */
export function parseQuery(url: string): Record<string, string | string[]> | null {
  const start = url.indexOf('?');
  if (start < 0) return null;
  // No prototype: a parameter named `__proto__` is a key like any other and is refused like any unknown one.
  const query: Record<string, string | string[]> = Object.create(null);
  for (const [name, value] of new URLSearchParams(url.slice(start + 1))) {
    const before = query[name];
    if (before === undefined) query[name] = value;
    else if (typeof before === 'string') query[name] = [before, value];
    else before.push(value);
  }
  return query;
}
