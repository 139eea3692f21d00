import * as z from 'zod';

/** One of the types that relays of a region run on. Which regions have which is checked with the region, and told then. */
export function instanceTypeSchema(instanceTypes: ReadonlyMap<string, readonly string[]>) {
  const offered = [...instanceTypes].map(([region, types]) => `${region}: ${types.join(', ')}`).join('; ');
  return z
    .string()
    .max(64)
    .describe(`Only an instance of this type will do. Default: the first with capacity. On offer: ${offered}`);
}
