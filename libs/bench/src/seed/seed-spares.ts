import { randomInt } from 'node:crypto';
import { MAX_BATCH } from '@aegis/ec2';
import { newRelayId } from '@aegis/relays';
import { bootBatch } from './boot-batch.js';
import type { Stores } from './stores.js';

const AGE_LIMIT_SECONDS = 86_400;

/** Adds so many ready spares to a region's warm pool. Their instances exist in the store alone. */
export async function seedSpares(stores: Stores, region: string, count: number): Promise<void> {
  const { warmReady } = await stores.front.inventory(region);
  for (let added = 0; added < count; ) {
    const batch = Math.min(MAX_BATCH, count - added);
    added += batch;
    await seedBatch(stores, region, batch, warmReady + added);
  }
}

async function seedBatch(stores: Stores, region: string, count: number, target: number): Promise<void> {
  const now = Date.now();
  const ids = Array.from({ length: count }, () => newRelayId(region, now, randomInt));
  const fence = await stores.fleet.beginRun(region, 'warm_pool');
  const pool = { now, target, maxAgeSeconds: AGE_LIMIT_SECONDS, instanceTypes: ['t3.micro'], ids };
  const { asked } = await stores.fleet.stockWarmPool(fence, pool);
  if (asked !== count) throw new Error(`${asked} of ${count} spares were asked for`);
  await bootBatch(stores, {
    region,
    relays: ids.map((id) => ({ id, tenant: '' })),
    until: 'active',
    now,
    launch: async () => ids.map(() => `i-${randomHex(17)}`),
  });
}

function randomHex(digits: number): string {
  return Array.from({ length: digits }, () => randomInt(16).toString(16)).join('');
}
