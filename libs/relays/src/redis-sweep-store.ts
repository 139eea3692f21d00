import { chunks } from './chunks.js';
import type { MoveReader } from './ended-slots.js';
import type { Fence, FleetStore, InstanceVerdict, ListedInstance } from './fleet-store.js';
import type { ScriptName, ScriptRunner } from './lua-scripts.js';
import type { RedisClient } from './redis-client.js';
import { regionKeys } from './region-keys.js';
import { createdAtOf, relayIdOf } from './relay-id.js';
import type { RelayTiming } from './relay-timing.js';
import type { RelayTransition } from './relay-transition.js';

type SweepStore = Pick<
  FleetStore,
  'isVerified' | 'beginSweep' | 'claimInstances' | 'relaysWithInstance' | 'launchTimes' | 'finishSweep' | 'noteEvent'
>;

interface SweepStoreParts {
  redis: RedisClient;
  scripts: ScriptRunner;
  timing: RelayTiming;
  movesOf: MoveReader;
  runFenced(name: ScriptName, fence: Fence, args: (string | number)[]): Promise<unknown[]>;
}

const SCAN_COUNT = '500';

/** The part of the fleet store that compares it with EC2. */
export function createSweepStore({ redis, scripts, timing, runFenced, movesOf }: SweepStoreParts): SweepStore {
  return {
    async isVerified(region) {
      return (await scripts.run('is-verified', regionKeys(region).prefix, [])) === 1;
    },

    async beginSweep(fence, now) {
      const reply = await runFenced('begin-sweep', fence, [fence.token, now]);
      const [, doubted, since, frozen, marks] = reply as [string, string, string, number, string[]];
      const marked = new Map<string, number>();
      for (let i = 0; i + 1 < marks.length; i += 2) marked.set(marks[i] ?? '', Number(marks[i + 1]));
      const verified = doubted === '';
      return {
        verified,
        doubted: verified ? null : doubted,
        suspectSince: Number(since),
        frozen: frozen === 1,
        marked,
      };
    },

    async claimInstances(fence, instances, lease) {
      const verdicts: InstanceVerdict[] = [];
      const moves: RelayTransition[] = [];
      for (const chunk of chunks(instances)) {
        const reply = await runFenced('claim-instances', fence, [
          fence.token,
          lease.now,
          lease.now + timing.bootTimeoutMs,
          lease.leaseSeconds,
          ...chunk.flatMap((instance) => listedArgs(fence.region, instance, lease.maxLifetimeSeconds)),
        ]);
        verdicts.push(...(reply[1] as InstanceVerdict[]));
        moves.push(...movesOf(reply[2] as string[]));
      }
      return { verdicts, moves };
    },

    async *relaysWithInstance(region) {
      const keys = regionKeys(region);
      let cursor = '0';
      do {
        const [next, entries] = await redis.hscan(keys.instances, cursor, 'COUNT', SCAN_COUNT);
        cursor = next;
        const pairs: { instanceId: string; relayId: string }[] = [];
        for (let i = 0; i + 1 < entries.length; i += 2) {
          pairs.push({ instanceId: entries[i] ?? '', relayId: entries[i + 1] ?? '' });
        }
        yield pairs;
      } while (cursor !== '0');
    },

    async launchTimes(region, relayIds) {
      const keys = regionKeys(region);
      const launched = await Promise.all(relayIds.map((relayId) => redis.hget(keys.relay(relayId), 'launched')));
      return launched.map((time) => Number(time ?? 0));
    },

    async finishSweep(fence, result) {
      const [, frozen] = await runFenced('finish-sweep', fence, [
        fence.token,
        result.now,
        result.doubted ?? '',
        result.holdLeasesUntil,
        result.holdHeartbeatsUntil,
        result.halted ? 1 : 0,
        result.instances,
        result.orphans,
        result.missing,
        ...[...result.marked].flat(),
      ]);
      return { frozen: frozen === 1 };
    },

    async noteEvent(region, relayIds, note, now) {
      for (const chunk of chunks(relayIds)) {
        await scripts.run('note-event', regionKeys(region).prefix, [now, note, ...chunk]);
      }
    },
  };
}

function listedArgs(region: string, instance: ListedInstance, maxLifetimeSeconds: number): (string | number)[] {
  const { relay } = instance;
  const createdAt = relay ? createdAtOf(relay.suffix) : 0;
  return [
    instance.instanceId,
    relay ? relayIdOf(region, relay.suffix) : '',
    relay?.tenant ?? '',
    instance.intentId ?? '',
    instance.serves ? 1 : 0,
    instance.launchedAt,
    createdAt,
    createdAt + maxLifetimeSeconds * 1000,
    instance.instanceType,
  ];
}
