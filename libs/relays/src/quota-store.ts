import type { RedisClient } from './lua-scripts.js';
import { regionKeys } from './region-keys.js';
import type { Quota, RelayFrontStore } from './relay-store.js';

/** Limits of single tenants. They stand beside the relays they limit, so `create.lua` reads them in the same breath. */
export function createQuotaStore(redis: RedisClient): Pick<RelayFrontStore, 'quota' | 'setQuota'> {
  const field = (tenant: string, limit: keyof Quota) => `${tenant}|${limit}`;
  return {
    async quota(region, tenant) {
      const keys = regionKeys(region);
      const [own, live] = await Promise.all([
        redis.hmget(keys.quotas, field(tenant, 'relays'), field(tenant, 'launches')),
        redis.hget(keys.live, tenant),
      ]);
      const limit = (value: string | null | undefined) => (value == null ? null : Number(value));
      return { relays: limit(own[0]), launches: limit(own[1]), live: Number(live ?? 0) };
    },

    async setQuota(region, tenant, quota) {
      const { quotas } = regionKeys(region);
      for (const limit of ['relays', 'launches'] as const) {
        const value = quota[limit];
        if (value === null) await redis.hdel(quotas, field(tenant, limit));
        else await redis.hset(quotas, field(tenant, limit), value);
      }
    },
  };
}
