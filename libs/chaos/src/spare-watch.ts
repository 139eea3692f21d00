import { createRedisRelayStore, isTerminal, type Relay } from '@aegis/relays';
import { Redis } from 'ioredis';
import { WARM_POOL } from './chaos-settings.js';

/** Sees the relays that nobody owns; no tenant does, so the store itself is asked. */
export interface SpareWatch {
  /** Live ones, leftovers of a wiped store too; null when Redis does not answer. */
  list(): Promise<Relay[] | null>;
  close(): void;
}

/** More than there can be, leftovers of every wipe of a long run too. */
const LIMIT = 5_000;

export function watchSpares(redisUrl: string): SpareWatch {
  const redis = new Redis(redisUrl, { maxRetriesPerRequest: 0, commandTimeout: 2_000, retryStrategy: () => 200 });
  redis.on('error', () => {
    // Each call rejects by itself.
  });
  const { region } = WARM_POOL;
  // Nothing is asked of it that depends on time.
  const timing = {
    pendingTimeoutMs: 0,
    bootTimeoutMs: 0,
    heartbeatTimeoutMs: 0,
    blindAfterMs: 0,
    readiness: 'checkin',
  } as const;
  const store = createRedisRelayStore({ redis, regions: [region], timing });
  return {
    async list() {
      try {
        const found = await store.list({ tenant: '', regions: [region], limit: LIMIT });
        return found.outcome === 'page' ? found.relays.filter(({ state }) => !isTerminal(state)) : null;
      } catch {
        return null;
      }
    },
    close: () => redis.disconnect(),
  };
}
