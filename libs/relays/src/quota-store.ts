import type { RedisClient } from './redis-client.js';
import { createReplicatedWrites, type ReplicaWait } from './replicated-writes.js';
import { tenantKeys } from './tenant-keys.js';

/** A tenant's own limits, before which the configured ones stand back; null: the configured one holds. */
export interface Quota {
  /** Most live relays, over all regions. */
  relays: number | null;
  /** Most live relays in each region. */
  relaysPerRegion: number | null;
  /** Most relays to ask for within a window of time, over all regions. */
  launches: number | null;
}

export const NO_QUOTA: Quota = { relays: null, relaysPerRegion: null, launches: null };

/** Limits of single tenants. Few tenants have some, so whoever needs them often holds them all. */
export interface QuotaStore {
  /** Changes with every change of a quota. */
  version(): Promise<string>;
  all(): Promise<Map<string, Quota>>;
  get(tenant: string): Promise<Quota>;
  set(tenant: string, quota: Quota): Promise<void>;
}

/** A hash tenant → JSON and a counter, in one slot of a cluster. Neither has a TTL. */
const LIMITS = '{aegis:quotas}:limits';
const VERSION = '{aegis:quotas}:version';

export function createQuotaStore(redis: RedisClient, replicaWait?: ReplicaWait): QuotaStore {
  const writes = createReplicatedWrites(redis, replicaWait);
  return {
    version: async () => (await redis.get(VERSION)) ?? '',

    async all() {
      const limits = Object.entries(await redis.hgetall(LIMITS));
      return new Map(limits.map(([tenant, json]) => [tenant, JSON.parse(json) as Quota]));
    },

    async get(tenant) {
      const json = await redis.hget(LIMITS, tenant);
      return json === null ? NO_QUOTA : (JSON.parse(json) as Quota);
    },

    async set(tenant, quota) {
      const none = Object.values(quota).every((limit) => limit === null);
      await writes.run(LIMITS, async (server) => {
        const change = server.multi();
        if (none) change.hdel(LIMITS, tenant);
        else change.hset(LIMITS, tenant, JSON.stringify(quota));
        const replies = await change.incr(VERSION).exec();
        const fault = replies?.find(([error]) => error !== null)?.[0];
        if (fault) throw fault;
      });
      // Relays made while the tenant had no limit have no slot: they are counted anew.
      await redis.del(tenantKeys(tenant).counted);
    },
  };
}
