import type { RedisClient } from './redis-client.js';
import { isTerminal } from './relay.js';
import { parseTransitions, type RelayTransition } from './relay-transition.js';
import { tenantKeys } from './tenant-keys.js';

/** Reads the moves that a script tells of. */
export type MoveReader = (moved: readonly string[]) => RelayTransition[];

/**
 * Whoever ends a relay also frees its slot in its tenant's limit, if it has one. Nobody waits for that: a slot that was not
 * freed is found out when it is needed (see `tenant-slots.ts`).
 */
export function createMoveReader(redis: RedisClient): MoveReader {
  return (moved) => {
    const moves = parseTransitions(moved);
    const ended = new Map<string, string[]>();
    for (const { to, tenant, relayId } of moves) {
      if (!isTerminal(to) || tenant === '') continue;
      const ids = ended.get(tenant);
      if (ids) ids.push(relayId);
      else ended.set(tenant, [relayId]);
    }
    for (const [tenant, ids] of ended) redis.hdel(tenantKeys(tenant).live, ...ids).catch(() => undefined);
    return moves;
  };
}
