import { randomUUID } from 'node:crypto';
import {
  createRedisFleetStore,
  createRedisRelayStore,
  type FleetStore,
  type RelayFrontStore,
  type RelayTiming,
} from '@aegis/relays';
import type { Redis } from 'ioredis';

/** Nothing may end by itself while a benchmark looks. */
const TIMING: RelayTiming = {
  pendingTimeoutMs: 86_400_000,
  bootTimeoutMs: 86_400_000,
  heartbeatTimeoutMs: 86_400_000,
  blindAfterMs: 15_000,
  readiness: 'checkin',
};

/** The store itself, as api and as jobs use it. */
export interface Stores {
  front: RelayFrontStore;
  fleet: FleetStore;
}

export function openStores(redis: Redis, region: string): Stores {
  return {
    front: createRedisRelayStore({ redis, regions: [region], timing: TIMING }),
    fleet: createRedisFleetStore({ redis, timing: TIMING, newToken: randomUUID }),
  };
}
