import { createHash } from 'node:crypto';

/** Tells two requests apart by what they ask for: the operation and its parsed body, whatever the order of its keys. */
export function fingerprint(operation: string, body: unknown): string {
  return createHash('sha256')
    .update(`${operation}\n${JSON.stringify(sorted(body))}`)
    .digest('base64url');
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  // Entries rather than an object: integer-like keys would move to the front of one.
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return entries.map(([key, item]) => [key, sorted(item)]);
}
