import { createRedisRelayStore, isTerminal, type Relay, regionPrefix } from '@aegis/relays';
import { Redis } from 'ioredis';
import { WARM_POOL } from './chaos-settings.js';

export interface UnownedRelays {
  /** Live ones, leftovers of a store that was in doubt too. */
  relays: Relay[];
  /** Those of them that may be handed out. */
  spares: ReadonlySet<string>;
}

/** Sees the relays that nobody owns; no tenant does, so the store itself is asked. */
export interface SpareWatch {
  /** Null when Redis does not answer. */
  look(): Promise<UnownedRelays | null>;
  close(): void;
}

/** More than there can be, leftovers of every doubt of a long run too. */
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
    async look() {
      try {
        // First the spares: one that is handed out meanwhile is then no relay of nobody's any more.
        const spares = new Set(await redis.zrange(`${regionPrefix(region)}:spares`, '0', '-1'));
        const found = await store.list({ tenant: '', regions: [region], limit: LIMIT });
        if (found.outcome !== 'page') return null;
        return { relays: found.relays.filter(({ state }) => !isTerminal(state)), spares };
      } catch {
        return null;
      }
    },
    close: () => redis.disconnect(),
  };
}
