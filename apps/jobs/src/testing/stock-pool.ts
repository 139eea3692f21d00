import type { RegionWorld } from './region-world.js';

/** One round of the jobs that fill a region's warm pool, and the check-ins of its spares. */
export async function stockPool(world: RegionWorld): Promise<void> {
  const run = world.worker();
  for (const job of ['warm_pool', 'relay_launch', 'relay_boot_watch'] as const) await run(job);
  await world.checkInAll('');
}
