import { createMoveReader } from './ended-slots.js';
import { listRelays } from './list-relays.js';
import { createScriptRunner } from './lua-scripts.js';
import { readInventory } from './read-inventory.js';
import type { RedisClient } from './redis-client.js';
import { createRegionDirectory } from './region-directory.js';
import { regionKeys } from './region-keys.js';
import type { Relay } from './relay.js';
import { parseEvents } from './relay-event.js';
import { createdAtOf, parseRelayId } from './relay-id.js';
import { fieldsOf, parseRelay } from './relay-record.js';
import { type CreateLimit, type CreateRelay, LimitReachedError, type RelayFrontStore } from './relay-store.js';
import type { RelayTiming } from './relay-timing.js';
import { createReplicatedWrites, type ReplicaWait } from './replicated-writes.js';

export interface RedisRelayStoreOptions {
  redis: RedisClient;
  /** All configured regions: an id of any other region is unknown. */
  regions: readonly string[];
  timing: RelayTiming;
  /** How long a repeated create finds the warm relay that its first try claimed. Default: a day. */
  claimMemorySeconds?: number;
  /** How much older than its claim a warm relay of a region can be, in ms; 0 where no spares are kept. Default: 0. */
  spareAgeMs?: (region: string) => number;
  /** For creates, renewals, deletes and freezes. */
  replicaWait?: ReplicaWait;
}

const DAY_SECONDS = 24 * 3600;

type Refusal = ['refused', limit: CreateLimit, value: number];

/** What `create.lua` has stored: every field of it was sent, so none is sent back. */
function newRelay(create: CreateRelay, leaseExpiresAt: number): Relay {
  const { id, tenant, region, labels, instanceType = null, leaseSeconds, now } = create;
  return {
    id,
    region,
    tenant,
    state: 'pending',
    labels,
    instanceType,
    instanceId: null,
    address: null,
    createdAt: now,
    leaseSeconds,
    leaseExpiresAt,
    activeAt: null,
    endedAt: null,
    reason: null,
    failure: null,
    intentId: null,
    version: 1,
  };
}

function must(id: string, region: string, flat: unknown): Relay {
  const relay = parseRelay(id, region, fieldsOf(flat as string[]));
  if (!relay) throw new Error(`the store answered an empty relay for ${id}`);
  return relay;
}

/** The store behind the REST api, on Redis. Rejects with ioredis' errors while Redis cannot be reached. */
export function createRedisRelayStore(options: RedisRelayStoreOptions): RelayFrontStore {
  const { redis, regions, timing, replicaWait, claimMemorySeconds = DAY_SECONDS, spareAgeMs = () => 0 } = options;
  const scripts = createScriptRunner(redis, replicaWait);
  const writes = createReplicatedWrites(redis, replicaWait);
  const directory = createRegionDirectory(regions);
  const movesOf = createMoveReader(redis);
  const prefixOf = (region: string) => regionKeys(region).prefix;

  return {
    async create(relay) {
      const { id, region, now } = relay;
      const leaseExpiresAt = now + Math.min(relay.leaseSeconds, relay.maxLifetimeSeconds) * 1000;
      const reply = (await scripts.run('create', prefixOf(region), [
        id,
        relay.tenant,
        now,
        relay.leaseSeconds,
        leaseExpiresAt,
        now + relay.maxLifetimeSeconds * 1000,
        now + timing.pendingTimeoutMs,
        claimMemorySeconds,
        relay.instanceType ?? '',
        relay.limits?.regionRelays ?? '',
        relay.limits?.tenantRegionRelays ?? '',
        ...Object.entries(relay.labels).flat(),
      ])) as ['created'] | ['claimed' | 'exists', string, string[], string[]] | Refusal;
      if (reply[0] === 'refused') {
        const [, limit, value] = reply;
        throw new LimitReachedError(limit, value, null);
      }
      if (reply[0] === 'created') return { outcome: 'created', relay: newRelay(relay, leaseExpiresAt), moves: [] };
      const [outcome, storedId, fields, moved] = reply;
      return { outcome, relay: must(storedId, region, fields), moves: movesOf(moved) };
    },

    async get(id) {
      const region = directory.regionOfRelay(id);
      if (!region) return null;
      return parseRelay(id, region, await redis.hgetall(regionKeys(region).relay(id)));
    },

    async isKnown(id) {
      const region = directory.regionOfRelay(id);
      if (!region) return false;
      const keys = regionKeys(region);
      return (await redis.exists(keys.relay(id), keys.claimed(id))) > 0;
    },

    async inDoubt(id) {
      const region = directory.regionOfRelay(id);
      return region !== null && (await scripts.run('is-verified', prefixOf(region), [])) !== 1;
    },

    list: (query) => listRelays(redis, query, spareAgeMs),

    async renew(id, { tenant, leaseSeconds, now }) {
      const region = directory.regionOfRelay(id);
      if (!region) return { outcome: 'not_found' };
      const args = [id, tenant, now, leaseSeconds];
      const [outcome, fields] = (await scripts.run('renew', prefixOf(region), args)) as [string, string[]];
      if (outcome !== 'renewed' && outcome !== 'ended') return { outcome: 'not_found' };
      return { outcome, relay: must(id, region, fields) };
    },

    async requestTermination(id, { tenant, now }) {
      const region = directory.regionOfRelay(id);
      if (!region) return { outcome: 'not_found' };
      const reply = await scripts.run('request-termination', prefixOf(region), [id, tenant, now]);
      const [outcome, changed, fields, moved] = reply as [string, number, string[], string[]];
      if (outcome !== 'accepted') return { outcome: 'not_found' };
      return {
        outcome,
        relay: must(id, region, fields),
        changed: changed === 1,
        moves: movesOf(moved),
      };
    },

    async checkIn({ region, intentId, instanceId, now }) {
      const args = [intentId, instanceId, now, now + timing.heartbeatTimeoutMs];
      const reply = await scripts.run('check-in', prefixOf(region), args);
      const [outcome, id, fields, moved] = reply as [string, string, string[], string[]];
      if (outcome === 'accepted') {
        return { outcome, relay: must(id, region, fields), moves: movesOf(moved) };
      }
      return outcome === 'ended' ? { outcome, relay: must(id, region, fields) } : { outcome: 'unknown_instance' };
    },

    async heartbeat(id, { instanceId, now, heardLeaseExpiresAt }) {
      const region = directory.regionOfRelay(id);
      if (!region) return { outcome: 'not_found' };
      const args = [id, instanceId, now, now + timing.heartbeatTimeoutMs, heardLeaseExpiresAt ?? ''];
      const reply = await scripts.run('heartbeat', prefixOf(region), args);
      const [outcome, fields, moved] = reply as [string, string[], string[]];
      if (outcome === 'alive') return { outcome, relay: must(id, region, fields), moves: movesOf(moved) };
      return { outcome: outcome === 'ended' ? 'ended' : 'not_found' };
    },

    async events(id, after, limit) {
      const region = directory.regionOfRelay(id);
      const parsed = parseRelayId(id);
      if (!region || !parsed) return [];
      const story = await redis.get(regionKeys(region).events(id));
      return story === null ? [] : parseEvents(story, createdAtOf(parsed.suffix), { after, limit });
    },

    inventory: (region) => readInventory(redis, region),

    async setFreeze(region, change) {
      const { meta } = regionKeys(region);
      const switches = { freezeLaunch: change.launch, freezeSweep: change.sweep };
      for (const [field, on] of Object.entries(switches)) {
        if (on !== undefined) await writes.run(meta, (server) => server.hset(meta, field, on ? '1' : '0'));
      }
      return (await readInventory(redis, region)).freeze;
    },

    async liveOf(region, tenant) {
      return Number((await redis.hget(regionKeys(region).live, tenant)) ?? 0);
    },

    async beat(region, now) {
      await redis.hset(regionKeys(region).meta, 'apiBeat', now);
    },
  };
}
