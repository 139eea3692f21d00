import { chunks } from './chunks.js';
import { createScriptRunner } from './lua-scripts.js';
import type { RedisClient } from './redis-client.js';
import { createRegionDirectory } from './region-directory.js';
import { regionKeys } from './region-keys.js';
import { isTerminal, type RelayState } from './relay.js';
import { LimitReachedError } from './relay-store.js';
import { tenantKeys } from './tenant-keys.js';

/** What a tenant may have and ask for over all regions. */
export interface TenantLimits {
  /** Most live relays. */
  relays?: number | undefined;
  /** Most relays to ask for within each window of time. */
  launches?: number | undefined;
  launchWindowMs: number;
}

export interface Slot {
  tenant: string;
  relayId: string;
  /** Tells this taking from any other of the same relay. */
  token: string;
  /** It is one of the tenant's live relays; else only a launch is counted. */
  live: boolean;
  /** The window of time in which it counts as a launch. */
  window: number;
}

/**
 * Limits over all regions. Regions live on different shards, so no single script sees all of a tenant's relays: the tenant
 * has slots instead, one taken before each create. Taken slots are never fewer than live relays; they may be more for a
 * while, since a crash can leave one behind, and are compared with the regions before a create is refused.
 */
export interface TenantSlots {
  /** @throws LimitReachedError */
  take(relayId: string, by: { tenant: string; limits: TenantLimits; now: number }): Promise<Slot>;
  /** The create has come to nothing. */
  giveBack(slot: Slot): Promise<void>;
  /** The create was answered with another relay, a spare: the slot is that one's. */
  handOver(slot: Slot, relayId: string): Promise<void>;
}

export interface TenantSlotsOptions {
  redis: RedisClient;
  regions: readonly string[];
  /** `crypto.randomUUID` fits. */
  newToken: () => string;
}

/** After this, live relays are counted anew: a bound on what was missed while no limit held. */
const COUNTED_SECONDS = 3600;
/** While a region's store is in doubt some of its relays are not known; they are looked for again after this. */
const DOUBTED_SECONDS = 1;
/** A refused tenant may ask again and again: its slots are compared with the regions at most this often. */
const HEAL_EVERY_MS = 250;
/** A slot without a relay may be that of a create that is under way. */
const CREATE_GRACE_MS = 30_000;
const PAGE = 500;

type Reply = ['taken'] | ['uncounted'] | ['refused', 'tenant_relays' | 'tenant_launches', number, string];

export function createTenantSlots({ redis, regions, newToken }: TenantSlotsOptions): TenantSlots {
  const scripts = createScriptRunner(redis);
  const directory = createRegionDirectory(regions);
  const counts = new Map<string, Promise<void>>();

  /** Gives every live relay of the tenant its slot. Many creates at once wait for one count. */
  function count(tenant: string): Promise<void> {
    const running = counts.get(tenant);
    if (running) return running;
    const counting = countAll(tenant).finally(() => counts.delete(tenant));
    counts.set(tenant, counting);
    return counting;
  }

  async function countAll(tenant: string): Promise<void> {
    const { live, counted } = tenantKeys(tenant);
    const sure = await Promise.all(
      regions.map(async (region) => {
        for await (const ids of liveRelays(tenant, region)) {
          await Promise.all(ids.map((id) => redis.hsetnx(live, id, '0')));
        }
        return (await scripts.run('is-verified', regionKeys(region).prefix, [])) === 1;
      }),
    );
    await redis.set(counted, '1', 'EX', sure.every(Boolean) ? COUNTED_SECONDS : DOUBTED_SECONDS);
  }

  async function* liveRelays(tenant: string, region: string): AsyncGenerator<string[]> {
    const keys = regionKeys(region);
    let from = '-';
    for (;;) {
      const ids = await redis.zrange(keys.tenant(tenant), from, '+', 'BYLEX', 'LIMIT', 0, PAGE);
      const states = await Promise.all(ids.map((id) => redis.hget(keys.relay(id), 'state')));
      yield ids.filter((_, index) => {
        const state = states[index];
        return state != null && !isTerminal(state as RelayState);
      });
      if (ids.length < PAGE) return;
      from = `(${ids.at(-1)}`;
    }
  }

  /** Frees the slots of relays that have ended or never came to be; answers how many, null when it was done just now. */
  async function heal(tenant: string, now: number): Promise<number | null> {
    const keys = tenantKeys(tenant);
    if ((await redis.set(keys.healing, '1', 'PX', HEAL_EVERY_MS, 'NX')) !== 'OK') return null;
    const slots = Object.entries(await redis.hgetall(keys.live));
    const dead: string[] = slots.filter(([id]) => directory.regionOfRelay(id) === null).flat();
    for (const region of regions) {
      const here = slots.filter(([id]) => directory.regionOfRelay(id) === region);
      for (const chunk of chunks(here)) {
        const ids = chunk.map(([id]) => id);
        const reply = await scripts.run('find-live', regionKeys(region).prefix, ids);
        const [verified, found] = reply as [number, string[]];
        // What a store in doubt does not know may live all the same.
        if (verified !== 1) break;
        for (const [index, [id, token]] of chunk.entries()) {
          const actual = found[index] ?? '';
          if (actual === id) continue;
          if (actual === '' && now - takenAt(token) < CREATE_GRACE_MS) continue;
          if (actual !== '' && actual !== 'ended') await redis.hset(keys.live, actual, token);
          dead.push(id, token);
        }
      }
    }
    return dead.length === 0 ? 0 : free(tenant, '', dead);
  }

  async function free(tenant: string, window: number | '', slots: readonly string[]): Promise<number> {
    let freed = 0;
    for (const chunk of chunks(pairs(slots))) {
      const args = [window, ...chunk.flat()];
      freed += Number(await scripts.run('tenant/free-slots', tenantKeys(tenant).prefix, args));
    }
    return freed;
  }

  return {
    async take(relayId, { tenant, limits, now }) {
      const token = `${now.toString(36)}-${newToken()}`;
      const { relays, launches, launchWindowMs } = limits;
      const tryTaking = async (anyway: boolean): Promise<Reply> => {
        const args = [relayId, token, now, relays ?? '', launches ?? '', launchWindowMs, anyway ? 1 : 0];
        return (await scripts.run('tenant/take-slot', tenantKeys(tenant).prefix, args)) as Reply;
      };
      let reply = await tryTaking(false);
      if (reply[0] === 'uncounted') {
        await count(tenant);
        reply = await tryTaking(true);
      }
      if (reply[0] === 'refused' && reply[1] === 'tenant_relays' && (await heal(tenant, now)) !== 0) {
        reply = await tryTaking(true);
      }
      if (reply[0] === 'refused') {
        const [, limit, value, retryAfterMs] = reply;
        throw new LimitReachedError(limit, value, retryAfterMs === '' ? null : Number(retryAfterMs));
      }
      return { tenant, relayId, token, live: relays !== undefined, window: Math.floor(now / launchWindowMs) };
    },

    async giveBack({ tenant, relayId, token, window }) {
      await free(tenant, window, [relayId, token]);
    },

    async handOver({ tenant, relayId, token, live }, newId) {
      if (!live) return;
      // The new one first: a crash in between leaves a slot too many, never one too few.
      await redis.hset(tenantKeys(tenant).live, newId, token);
      await free(tenant, '', [relayId, token]);
    },
  };
}

/** When a slot was taken (Unix ms), as its token tells; long ago for one that a count made. */
function takenAt(token: string): number {
  return Number.parseInt(token.split('-', 1)[0] ?? '', 36) || 0;
}

function pairs(flat: readonly string[]): [string, string][] {
  const result: [string, string][] = [];
  for (let i = 0; i + 1 < flat.length; i += 2) result.push([flat[i] ?? '', flat[i + 1] ?? '']);
  return result;
}
