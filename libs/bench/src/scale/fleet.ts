import { createSimControl, type SimControl } from '@aegis/ec2-sim';
import { type Stack, startStack } from '@aegis/local-stack';
import { createRegionQueue, type RegionQueue } from '@aegis/queues';
import { regionPrefix } from '@aegis/relays';
import { Redis } from 'ioredis';
import { type ApiClient, createApiClient } from '../api-client.js';
import { openStores, type Stores } from '../seed/stores.js';
import { REGION, seedRelays } from './seed-relays.js';

/** The whole product as real processes with a number of live relays in it. */
export interface Fleet extends Stores {
  stack: Stack;
  sim: SimControl;
  redis: Redis;
  api: ApiClient;
  queue: RegionQueue;
  relays: number;
  /** What Redis needs for each relay, indexes and stories included. */
  bytesPerRelay: number;
  /** Active ones that may be ended. */
  active: string[];
  stop(): Promise<void>;
}

export interface FleetOptions {
  relays: number;
  /** How many of them still boot. */
  booting?: number;
}

/** Starts a stack of its own and fills it. */
export async function startFleet({ relays, booting = 0 }: FleetOptions): Promise<Fleet> {
  const stack = await startStack({
    // No instance has an agent, and a sweep comes only when it is asked for.
    env: {
      AEGIS_RELAYS_HEARTBEAT_TIMEOUT_SECONDS: '86400',
      AEGIS_RELAYS_BOOT_TIMEOUT_SECONDS: '3600',
      AEGIS_SWEEP_INTERVAL_SECONDS: '3600',
    },
  });
  const redis = new Redis(stack.redisUrl);
  const queue = createRegionQueue({ region: REGION, prefix: regionPrefix(REGION), connection: redis });
  const api = createApiClient(stack.apiUrl);
  const stop = async (): Promise<void> => {
    await queue.close();
    await api.close();
    redis.disconnect();
    await stack.stop();
  };
  try {
    const sim = createSimControl(stack.sim.url);
    const stores = openStores(redis, REGION);
    await Promise.all(stack.jobs.map((jobs) => jobs.stop()));
    const before = await storedBytes(redis);
    const active = await seedRelays({ ...stores, sim }, relays - booting, 'active');
    if (booting > 0) await seedRelays({ ...stores, sim }, booting, 'booting');
    const bytesPerRelay = ((await storedBytes(redis)) - before) / relays;
    await Promise.all(stack.jobs.map((jobs) => jobs.start()));
    return { ...stores, stack, sim, redis, api, queue, relays, bytesPerRelay, active, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** All that Redis holds without what serves connections and its append-only file. */
async function storedBytes(redis: Redis): Promise<number> {
  const info = await redis.info('memory');
  const field = (name: string): number => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1] ?? 0);
  return field('used_memory') - field('mem_clients_normal') - field('mem_aof_buffer');
}
