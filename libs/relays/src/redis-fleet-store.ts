import { chunks } from './chunks.js';
import { createMoveReader } from './ended-slots.js';
import {
  type Fence,
  FencedError,
  type FleetStore,
  type InstanceObservation,
  type SettleIntent,
  type WaitingRelay,
} from './fleet-store.js';
import type { LaunchIntent } from './launch-intent.js';
import { createScriptRunner, type ScriptName } from './lua-scripts.js';
import type { RedisClient } from './redis-client.js';
import { createSweepStore } from './redis-sweep-store.js';
import { regionKeys } from './region-keys.js';
import type { RelayTiming } from './relay-timing.js';
import type { RelayTransition } from './relay-transition.js';
import type { ReplicaWait } from './replicated-writes.js';

export interface RedisFleetStoreOptions {
  redis: RedisClient;
  timing: RelayTiming;
  /** Makes fence tokens; `crypto.randomUUID` fits. */
  newToken: () => string;
  /** For launch intents. */
  replicaWait?: ReplicaWait;
}

/** The store behind the jobs, on Redis. Rejects with ioredis' errors while Redis cannot be reached. */
export function createRedisFleetStore(options: RedisFleetStoreOptions): FleetStore {
  const { redis, timing, newToken } = options;
  const scripts = createScriptRunner(redis, options.replicaWait);
  const movesOf = createMoveReader(redis);

  const takings = new WeakMap<Fence, Promise<unknown>>();

  async function runFenced(name: ScriptName, fence: Fence, args: (string | number)[]): Promise<unknown[]> {
    const reply = (await scripts.run(name, regionKeys(fence.region).prefix, args)) as unknown[];
    if (reply[0] === 'fenced') {
      await takings.get(fence);
      throw new FencedError(fence);
    }
    return reply;
  }

  return {
    async beginRun(region, job) {
      const fence: Fence = { region, job, token: newToken() };
      // On one connection, and within a slot of a cluster, the run's next command follows this one: no need to wait for it.
      const taking = redis.set(regionKeys(region).fence(job), fence.token);
      taking.catch(() => undefined);
      takings.set(fence, taking);
      return fence;
    },

    async launchWork(region, limit) {
      const reply = await scripts.run('launch-work', regionKeys(region).prefix, [limit]);
      const [frozen, intents, waiting, exhausted] = reply as [number, string[], string[], string[]];
      return {
        frozen: frozen === 1,
        intents: intents.map((json) => JSON.parse(json) as LaunchIntent),
        waiting: parseWaiting(waiting),
        exhausted,
      };
    },

    async openIntent(fence, intent) {
      const args = [fence.token, intent.openedAt, intent.id, JSON.stringify(intent), ...intent.relayIds];
      const [outcome] = await runFenced('open-intent', fence, args);
      return outcome as Awaited<ReturnType<FleetStore['openIntent']>>;
    },

    async isIntentOpen(fence, intentId) {
      const [, open] = await runFenced('is-intent-open', fence, [fence.token, intentId]);
      return open === 1;
    },

    async settleIntent(fence, result) {
      const reply = await runFenced('settle-intent', fence, settleArgs(fence, result, timing));
      return movesOf(reply[1] as string[]);
    },

    async noteExhausted(region, instanceType, until) {
      const { exhausted } = regionKeys(region);
      if (until === null) await redis.hdel(exhausted, instanceType);
      else await redis.hset(exhausted, instanceType, until);
    },

    async failPending(fence, { relayIds, now, reason, code, message }) {
      const moves: RelayTransition[] = [];
      for (const chunk of chunks(relayIds)) {
        const reply = await runFenced('fail-pending', fence, [fence.token, now, reason, code, message, ...chunk]);
        moves.push(...movesOf(reply[1] as string[]));
      }
      return moves;
    },

    async booting(region) {
      const keys = regionKeys(region);
      const ids = await redis.zrange(keys.index('booting'), 0, '-1');
      const fields = await Promise.all(ids.map((id) => redis.hmget(keys.relay(id), 'inst', 'intent')));
      return ids.flatMap((relayId, index) => {
        const [instanceId, intentId] = fields[index] ?? [];
        return instanceId ? [{ relayId, instanceId, intentId: intentId ?? '' }] : [];
      });
    },

    async observe(fence, observations, now) {
      const moves: RelayTransition[] = [];
      for (const chunk of chunks(observations)) {
        const reply = await runFenced('observe-instances', fence, observeArgs(fence, chunk, now, timing));
        moves.push(...movesOf(reply[1] as string[]));
      }
      return moves;
    },

    async terminating(region, now, limit) {
      const keys = regionKeys(region);
      const ids = await redis.zrangebyscore(keys.index('terminating'), '-inf', now, 'LIMIT', 0, limit);
      const fields = await Promise.all(
        ids.map((id) => redis.hmget(keys.relay(id), 'inst', 'intent', 'launched', 'tat', 'sent', 'tries')),
      );
      return ids.flatMap((relayId, index) => {
        const [instanceId, intentId, launched, terminating, sent, tries] = fields[index] ?? [];
        if (!instanceId) return [];
        return [
          {
            relayId,
            instanceId,
            intentId: intentId || null,
            launchedAt: Number(launched ?? 0),
            terminatingAt: Number(terminating ?? 0),
            sent: sent != null,
            sentAt: Number(sent ?? 0),
            attempts: Number(tries ?? 0),
          },
        ];
      });
    },

    async recordTerminations(fence, records, now) {
      const moves: RelayTransition[] = [];
      const refused: string[] = [];
      for (const chunk of chunks(records)) {
        const args = chunk.flatMap((r) => [r.relayId, r.instanceId, r.outcome, r.again, r.note, r.awsRequestId ?? '']);
        const reply = await runFenced('record-terminations', fence, [fence.token, now, ...args]);
        moves.push(...movesOf(reply[1] as string[]));
        refused.push(...(reply[2] as string[]));
      }
      return { moves, refused };
    },

    async expireDue(fence, now, limit) {
      const args = [fence.token, now, limit, timing.blindAfterMs, timing.heartbeatTimeoutMs];
      const reply = await runFenced('expire-due', fence, args);
      return { moves: movesOf(reply[1] as string[]), remaining: Number(reply[2]) };
    },

    async stockWarmPool(fence, { now, target, maxAgeSeconds, instanceTypes, ids }) {
      const types = [instanceTypes.length, ...instanceTypes];
      const args = [fence.token, now, target, maxAgeSeconds, now + timing.pendingTimeoutMs, ...types, ...ids];
      const reply = await runFenced('stock-warm-pool', fence, args);
      return { asked: Number(reply[1]), moves: movesOf(reply[2] as string[]) };
    },

    async untagged(region, limit) {
      const keys = regionKeys(region);
      const ids = await redis.srandmember(keys.untagged, limit);
      const fields = await Promise.all(ids.map((id) => redis.hmget(keys.relay(id), 'tenant', 'inst')));
      return ids.map((relayId, index) => {
        const [tenant, instanceId] = fields[index] ?? [];
        return { relayId, tenant: tenant ?? '', instanceId: instanceId ?? null };
      });
    },

    async tagged(region, relayIds) {
      if (relayIds.length > 0) await redis.srem(regionKeys(region).untagged, ...relayIds);
    },

    ...createSweepStore({ redis, scripts, timing, runFenced, movesOf }),

    async pruneEnded(fence, endedBefore, limit) {
      const reply = await runFenced('prune-ended', fence, [fence.token, endedBefore, limit]);
      return Number(reply[1]);
    },
  };
}

/** Relay id, tenant, instance type or '', when its time is over, … */
function parseWaiting(flat: readonly string[]): WaitingRelay[] {
  const waiting: WaitingRelay[] = [];
  for (let i = 0; i + 3 < flat.length; i += 4) {
    const [id = '', tenant = '', instanceType, until] = flat.slice(i, i + 4);
    waiting.push({ id, tenant, instanceType: instanceType || null, until: Number(until) });
  }
  return waiting;
}

function settleArgs(fence: Fence, result: SettleIntent, timing: RelayTiming): (string | number)[] {
  const { without } = result;
  const failing = without.fate === 'fail';
  return [
    fence.token,
    result.now,
    result.intentId,
    result.now + timing.bootTimeoutMs,
    timing.pendingTimeoutMs,
    result.awsRequestId ?? '',
    without.fate,
    failing ? without.reason : '',
    without.code,
    failing ? without.message : '',
    result.instanceType,
    ...result.launched.flatMap((one) => [one.relayId, one.instanceId, one.dead ? 1 : 0]),
    ...without.relayIds.flatMap((id) => [id, '', 0]),
  ];
}

/** How soon an instance that is shutting down is looked at again. */
const RECHECK_MS = 2000;

function observeArgs(
  fence: Fence,
  observations: readonly InstanceObservation[],
  now: number,
  timing: RelayTiming,
): (string | number)[] {
  return [
    fence.job,
    fence.token,
    now,
    timing.readiness === 'checkin' ? now + timing.heartbeatTimeoutMs : '',
    timing.readiness,
    now + RECHECK_MS,
    ...observations.flatMap((seen) => [seen.relayId, seen.instanceId, seen.seen, seen.address ?? '', seen.note]),
  ];
}
