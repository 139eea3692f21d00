import { z } from 'zod';

const limit = z.number().int().min(0).max(1_000_000).nullable();

/** A tenant's own limits, which hold in each region. */
export const quotaChangeSchema = z.strictObject({
  relays: limit.describe('Most live relays in each region; null: as configured'),
  launches: limit.describe('Most relays to ask for in each region within a window; null: as configured'),
});

const regionUseSchema = z.strictObject({
  region: z.string(),
  relays: limit,
  launches: limit,
  live: z.number().int().describe('Relays of the tenant that have not ended'),
});

export const quotaSchema = z
  .strictObject({ tenant: z.string(), regions: z.array(regionUseSchema) })
  .meta({ id: 'Quota' });
