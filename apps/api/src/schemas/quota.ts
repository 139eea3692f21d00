import * as z from 'zod';

const limit = z.number().int().min(0).max(1_000_000).nullable();

const limits = {
  relays: limit.describe('Most live relays, over all regions; null: as configured'),
  relaysPerRegion: limit.describe('Most live relays in each region; null: as configured'),
  launches: limit.describe('Most relays to ask for within a window, over all regions; null: as configured'),
};

/** A tenant's own limits. */
export const quotaChangeSchema = z.strictObject({ ...limits, relaysPerRegion: limits.relaysPerRegion.default(null) });

export const quotaSchema = z
  .strictObject({
    tenant: z.string(),
    ...limits,
    live: z.number().int().describe('Relays of the tenant that have not ended, over all regions'),
    regions: z.array(z.strictObject({ region: z.string(), live: z.number().int() })),
  })
  .meta({ id: 'Quota' });
