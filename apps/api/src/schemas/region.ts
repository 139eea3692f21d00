import * as z from 'zod';

/** A region relays can be asked for in. */
export function regionSchema(regions: readonly [string, ...string[]]) {
  return z.enum(regions).meta({ id: 'Region' });
}

/** The first region that can take a relay now. */
export const AUTO_REGION = 'auto';

export function regionChoiceSchema(regions: readonly [string, ...string[]]) {
  return z
    .enum([...regions, AUTO_REGION])
    .meta({ id: 'RegionChoice', description: 'A region, or `auto`: the first one that can take a relay now' });
}
