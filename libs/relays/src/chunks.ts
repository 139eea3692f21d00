/** Relays a single script call may touch: keeps each call of Redis' one thread in the low milliseconds. */
const CHUNK = 200;

export function* chunks<T>(items: readonly T[]): Generator<readonly T[]> {
  for (let i = 0; i < items.length; i += CHUNK) yield items.slice(i, i + CHUNK);
}
