import * as z from 'zod';

/** A query parameter that may be given once or repeated; always an array once parsed. */
export function onceOrMore<T extends z.ZodType>(item: T) {
  return z.preprocess((value) => (typeof value === 'string' ? [value] : value), z.array(item).min(1).max(50));
}
