import type { Freeze } from '@aegis/relays';
import * as z from 'zod';

const regionFreezeSchema = z.strictObject({
  region: z.string(),
  launch: z.boolean().describe('No instance is launched'),
  sweep: z.boolean().describe('Sweeps terminate nothing'),
});

/** An operator's run-time switches, region by region. */
export const freezeSchema = z.strictObject({ regions: z.array(regionFreezeSchema) }).meta({ id: 'Freeze' });

export function presentFreeze(switches: readonly (Freeze & { region: string })[]): z.infer<typeof freezeSchema> {
  return { regions: switches.map(({ region, launch, sweep }) => ({ region, launch, sweep })) };
}
