import { randomUUID } from 'node:crypto';
import type { AegisConfig } from '@aegis/config';
import { createRedisFleetStore, relayTiming } from '@aegis/relays';
import { connectJobsRedis } from './connect-jobs-redis.js';

/** Plays a complete sweep that found nothing in every region: only then is the store known to be the present. */
export async function verifyStores(config: AegisConfig): Promise<void> {
  const redis = connectJobsRedis(config);
  const store = createRedisFleetStore({ redis, timing: relayTiming(config.relays), newToken: randomUUID });
  for (const { name } of config.regions) {
    const fence = await store.beginRun(name, 'orphan_sweep');
    const { doubted } = await store.beginSweep(fence, Date.now());
    await store.finishSweep(fence, {
      now: Date.now(),
      doubted,
      holdLeasesUntil: 0,
      holdHeartbeatsUntil: 0,
      halted: false,
      instances: 0,
      orphans: 0,
      missing: 0,
      marked: new Map(),
    });
  }
  await redis.quit();
}
