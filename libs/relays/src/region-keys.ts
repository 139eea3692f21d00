import type { RelayState } from './relay.js';

export type RelayJob =
  | 'relay_launch'
  | 'relay_boot_watch'
  | 'relay_terminate'
  | 'relay_expiry'
  | 'orphan_sweep'
  | 'warm_pool'
  | 'history_prune';

/** The hash tag of a region: all its keys, and its queue, live in one slot of a cluster. */
export function regionPrefix(region: string): string {
  return `{aegis:${region}}`;
}

/**
 * The keys that are read without a script. `lua/include/region.lua` lists every key, its type and its content; no key
 * has a TTL: `history_prune` forgets ended relays.
 */
export function regionKeys(region: string): RegionKeys {
  const known = keysOfRegions.get(region) ?? buildKeys(region);
  keysOfRegions.set(region, known);
  return known;
}

type RegionKeys = ReturnType<typeof buildKeys>;

/** Asked for with every request; there are as many as regions. */
const keysOfRegions = new Map<string, RegionKeys>();

function buildKeys(region: string) {
  const prefix = regionPrefix(region);
  return {
    prefix,
    relay: (id: string) => `${prefix}:relay:${id}`,
    events: (id: string) => `${prefix}:events:${id}`,
    tenant: (tenant: string) => `${prefix}:tenant:${tenant}`,
    index: (state: Extract<RelayState, 'pending' | 'booting' | 'terminating'>) => `${prefix}:${state}`,
    counts: `${prefix}:counts`,
    live: `${prefix}:live`,
    claimed: (id: string) => `${prefix}:claimed:${id}`,
    leaving: `${prefix}:leaving`,
    warm: `${prefix}:warm`,
    untagged: `${prefix}:untagged`,
    instances: `${prefix}:instances`,
    intents: `${prefix}:intents`,
    exhausted: `${prefix}:exhausted`,
    fence: (job: RelayJob) => `${prefix}:fence:${job}`,
    meta: `${prefix}:meta`,
    /** A channel, not a key: the id of each relay whose story grows. */
    feed: `${prefix}:feed`,
  };
}
