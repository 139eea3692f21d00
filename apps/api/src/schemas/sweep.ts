import type { RegionInventory } from '@aegis/relays';
import * as z from 'zod';
import { timestampSchema, toTimestampOrNull } from './timestamp.js';

const regionSweepSchema = z.strictObject({
  region: z.string(),
  lastCompleteAt: timestampSchema.nullable().describe('Null until a sweep has seen the whole region'),
  halted: z.boolean().describe('It stopped because it would have ended more instances than one sweep may'),
  instances: z.number().int().describe('Live instances of this deployment that EC2 listed'),
  orphans: z.number().int().describe('Instances that no live relay owns'),
  missing: z.number().int().describe('Live relays whose instance EC2 did not list'),
});

/** The last complete sweep of each region. */
export const sweepsSchema = z.strictObject({ sweeps: z.array(regionSweepSchema) }).meta({ id: 'Sweeps' });

export function presentSweeps(inventories: readonly RegionInventory[]): z.infer<typeof sweepsSchema> {
  return {
    sweeps: inventories.map(({ region, sweep }) => ({
      region,
      ...sweep,
      lastCompleteAt: toTimestampOrNull(sweep.lastCompleteAt),
    })),
  };
}
