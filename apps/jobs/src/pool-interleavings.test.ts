import { readLaunchTags } from '@aegis/ec2';
import type { JobName } from '@aegis/queues';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { mortalParts } from './testing/interrupted-parts.js';
import { backUpRegion, type RegionBackup, restoreRegion } from './testing/region-backup.js';
import { createRegionWorld, type RegionWorld } from './testing/region-world.js';

/*
 * Random interleavings of claims by two tenants, workers that die, a store that loses all since a moment ago, a clock that
 * jumps, and deaths of instances, on a region that keeps spares. After each step: no relay was ever answered to two creates,
 * no relay has two instances, and there are never more spares than wanted. At rest the pool is full.
 */

const TARGET = 2;
/** `npm run test:long` takes more. */
const RUNS = Number(process.env.AEGIS_TEST_INTERLEAVINGS ?? 20);
const JOBS: JobName[] = [
  'orphan_sweep',
  'warm_pool',
  'relay_launch',
  'relay_boot_watch',
  'relay_terminate',
  'relay_expiry',
];

type Step =
  | { do: 'claim' | 'delete'; tenant: 'acme' | 'beta' }
  | { do: 'round' | 'keep' | 'rewind' | 'checkIn' | 'kill' }
  | { do: 'die'; job: JobName; at: number }
  | { do: 'advance'; ms: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('claim' as const),
      tenant: fc.constantFrom('acme' as const, 'beta' as const),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('delete' as const),
      tenant: fc.constantFrom('acme' as const, 'beta' as const),
    }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('round' as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom('keep' as const, 'rewind' as const, 'checkIn' as const, 'kill' as const),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('die' as const), job: fc.constantFrom(...JOBS), at: fc.nat(6) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('advance' as const), ms: fc.constantFrom(-10_000, 2_000, 70_000) }),
  },
);

let world: RegionWorld;
beforeEach(async () => {
  world = await createRegionWorld({}, { warmPool: { size: TARGET, maxAgeSeconds: 3600, schedule: [] } });
});
afterEach(() => world.close());

const quietly = (run: Promise<unknown>) => run.catch(() => undefined);

interface History {
  /** Relay ids by the creates that were answered with them. */
  answered: string[];
  backup: RegionBackup | null;
}

async function checkInSpares(): Promise<void> {
  for (const tenant of ['', 'acme', 'beta']) await world.checkInAll(tenant);
}

async function round(): Promise<void> {
  await world.front.beat(world.region, world.now());
  for (const job of JOBS) await quietly(world.worker()(job));
  await checkInSpares();
}

async function take(next: Step, history: History): Promise<void> {
  switch (next.do) {
    case 'claim': {
      const { relay } = await world.claim(next.tenant);
      history.answered.push(relay.id);
      return;
    }
    case 'delete': {
      const [relay] = await world.relays(next.tenant);
      if (relay) await world.front.requestTermination(relay.id, { tenant: next.tenant, now: world.now() });
      return;
    }
    case 'round':
      return round();
    case 'checkIn':
      return checkInSpares();
    case 'kill': {
      const [victim] = await world.liveInstances();
      if (victim) await world.sim.kill({ instanceIds: [victim.id] });
      return;
    }
    case 'keep':
      history.backup = await backUpRegion(world);
      return;
    case 'rewind':
      if (history.backup !== null) await restoreRegion(world, history.backup);
      return;
    case 'die':
      return void (await quietly(world.worker(mortalParts(world, { at: next.at, when: 'before' }).parts)(next.job)));
    case 'advance':
      world.advance(next.ms);
  }
}

async function check({ answered }: History): Promise<void> {
  expect(answered).toEqual([...new Set(answered)]);
  const byRelay = new Map<string, number>();
  for (const { tags, launchIndex } of await world.instances()) {
    const relay = readLaunchTags(tags)?.relayIds[launchIndex] ?? '';
    byRelay.set(relay, (byRelay.get(relay) ?? 0) + 1);
  }
  expect([...byRelay].filter(([, instances]) => instances > 1)).toEqual([]);
  expect(await world.redis.zcard(`{aegis:${world.region}}:spares`)).toBeLessThanOrEqual(TARGET);
}

test(
  'no interleaving hands a spare out twice, launches one twice or makes too many',
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
        const history: History = { answered: [], backup: null };
        try {
          await round();
          for (const next of steps) {
            await take(next, history);
            await check(history);
          }
          for (let rounds = 0; rounds < 5; rounds++) {
            await round();
            world.advance(11_000);
          }
          await check(history);
          expect((await world.front.inventory(world.region)).warmReady).toBe(TARGET);
        } finally {
          await world.startOver();
        }
      }),
      { numRuns: RUNS, endOnFailure: false },
    );
  },
  120_000 + RUNS * 2_000,
);
