import type { RedisClient } from './redis-client.js';
import { regionKeys } from './region-keys.js';
import { RELAY_STATES, type RelayState } from './relay.js';
import type { RegionInventory } from './relay-store.js';

const META = [
  'sweepAt',
  'sweepHalted',
  'sweepInstances',
  'sweepOrphans',
  'sweepMissing',
  'freezeLaunch',
  'freezeSweep',
] as const;

/** Reads counters that the scripts keep: the same few commands at any number of relays. */
export async function readInventory(redis: RedisClient, region: string): Promise<RegionInventory> {
  const keys = regionKeys(region);
  const [counts, oldestPending, oldestLeaving, openIntents, meta, warmReady, exhausted] = await Promise.all([
    redis.hgetall(keys.counts),
    redis.zrange(keys.index('pending'), 0, '0', 'WITHSCORES'),
    redis.zrange(keys.leaving, 0, '0', 'WITHSCORES'),
    redis.hlen(keys.intents),
    redis.hmget(keys.meta, ...META),
    redis.zcard(keys.warm),
    redis.hgetall(keys.exhausted),
  ]);
  const [sweepAt, halted, instances, orphans, missing, freezeLaunch, freezeSweep] = meta;
  const score = (entry: string[]) => (entry[1] === undefined ? null : Number(entry[1]));
  return {
    region,
    counts: Object.fromEntries(RELAY_STATES.map((state) => [state, Number(counts[state] ?? 0)])) as Record<
      RelayState,
      number
    >,
    // Turns start at the creation time, so the first in turn has waited longest, or nearly.
    oldestPendingAt: score(oldestPending),
    oldestTerminatingAt: score(oldestLeaving),
    openIntents,
    sweep: {
      lastCompleteAt: sweepAt ? Number(sweepAt) : null,
      halted: halted === '1',
      instances: Number(instances ?? 0),
      orphans: Number(orphans ?? 0),
      missing: Number(missing ?? 0),
    },
    freeze: { launch: freezeLaunch === '1', sweep: freezeSweep === '1' },
    warmReady,
    exhausted: new Map(Object.entries(exhausted).map(([type, until]) => [type, Number(until)])),
  };
}
