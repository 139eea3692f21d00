import { readLaunchTags } from '@aegis/ec2';
import type { FaultInput } from '@aegis/ec2-sim';
import type { JobName } from '@aegis/queues';
import type { Relay } from '@aegis/relays';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { mortalParts, sleepyParts } from './testing/interrupted-parts.js';
import { createRegionWorld, type RegionWorld } from './testing/region-world.js';

/*
 * Random interleavings of what clients, relays, EC2, the clock and workers (healthy, dying, or waking up late) do, on
 * the real store and the real jobs. The invariants of DESIGN.md are checked after each step, and at rest at the end.
 * A failing run prints its seed and path, and shrinks.
 */

const JOBS: JobName[] = ['relay_launch', 'relay_boot_watch', 'relay_terminate', 'relay_expiry', 'orphan_sweep'];
/** `npm run test:long` takes more. */
const RUNS = Number(process.env.AEGIS_TEST_INTERLEAVINGS ?? 25);
const STEPS = 40;

let world: RegionWorld;
beforeEach(async () => {
  world = await createRegionWorld();
});
afterEach(() => world.close());

interface Stale {
  wake(): void;
  ended: Promise<void>;
}

interface History {
  created: Set<string>;
  deleted: Set<string>;
  /** What the metrics had counted when this history began. */
  operationsBefore: number;
  /** Runs that sleep between two of their calls. */
  stale: Stale[];
}

type Step =
  | { do: 'create'; count: number }
  | { do: 'delete' | 'renew' | 'checkIn' | 'heartbeat' | 'kill' | 'terminateOutside'; pick: number }
  | { do: 'run'; job: JobName }
  | { do: 'die' | 'sleep'; job: JobName; at: number }
  | { do: 'wake' }
  | { do: 'advance'; ms: number }
  | { do: 'fault'; fault: FaultInput };

const pick = fc.nat(1000);
const job = fc.constantFrom(...JOBS);
const operation = fc.constantFrom('RunInstances', 'TerminateInstances', 'DescribeInstances');
const kind: fc.Arbitrary<FaultInput['kind']> = fc.constantFrom<FaultInput['kind'][]>(
  { type: 'cut' },
  { type: 'http', status: 503 },
  { type: 'error', code: 'RequestLimitExceeded' },
  { type: 'error', code: 'InsufficientInstanceCapacity' },
  { type: 'auth' },
);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('create' as const), count: fc.integer({ min: 1, max: 3 }) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom('delete' as const, 'renew' as const, 'checkIn' as const, 'heartbeat' as const),
      pick,
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('kill' as const, 'terminateOutside' as const), pick }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('run' as const), job }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('die' as const, 'sleep' as const), job, at: fc.nat(8) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wake' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('advance' as const), ms: fc.constantFrom(-20_000, 1_000, 10_000, 70_000) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('fault' as const),
      fault: fc
        .tuple(operation, kind, fc.boolean())
        .filter(([, { type }, done]) => !done || type === 'cut' || type === 'http')
        .map(([name, what, done]) => ({
          operation: name,
          kind: what,
          effect: done ? ('done' as const) : ('none' as const),
        })),
    }),
  },
);

const quietly = (run: Promise<void>) => run.catch(() => undefined);

async function take(next: Step, history: History): Promise<void> {
  const relays = await world.relays();
  const chosen = 'pick' in next ? relays[next.pick % Math.max(1, relays.length)] : undefined;
  switch (next.do) {
    case 'create':
      for (const { id } of await world.create(next.count)) history.created.add(id);
      return;
    case 'run':
      return quietly(world.worker()(next.job));
    case 'die':
      return quietly(world.worker(mortalParts(world, { at: next.at, when: 'before' }).parts)(next.job));
    case 'sleep': {
      const { parts, asleep, wake } = sleepyParts(world, next.at);
      const ended = quietly(world.worker(parts)(next.job));
      history.stale.push({ wake, ended });
      await Promise.race([asleep, ended]);
      return;
    }
    case 'wake':
      return wakeOne(history);
    case 'advance':
      world.advance(next.ms);
      await world.front.beat(world.region, world.now());
      return;
    case 'fault':
      await world.sim.fault(next.fault);
      return;
    default:
      if (chosen) await touch(next.do, chosen, history);
  }
}

async function wakeOne(history: History): Promise<void> {
  const stale = history.stale.shift();
  stale?.wake();
  await stale?.ended;
}

type Touch = Extract<Step, { pick: number }>['do'];

async function touch(what: Touch, relay: Relay, history: History): Promise<void> {
  const { id, instanceId, intentId } = relay;
  const now = world.now();
  switch (what) {
    case 'delete':
      await world.front.requestTermination(id, { tenant: 'acme', now });
      history.deleted.add(id);
      return;
    case 'renew':
      await world.front.renew(id, { tenant: 'acme', leaseSeconds: 600, now });
      return;
    case 'checkIn':
      if (instanceId && intentId) await world.front.checkIn({ region: world.region, intentId, instanceId, now });
      return;
    case 'heartbeat':
      if (instanceId) await world.front.heartbeat(id, { instanceId, now, heardLeaseExpiresAt: null });
      return;
    case 'kill':
      if (instanceId) await world.sim.kill({ instanceIds: [instanceId] }).catch(() => undefined);
      return;
    case 'terminateOutside':
      if (instanceId) await world.sim.terminateOutside([instanceId]).catch(() => undefined);
  }
}

/** Which relay each instance was launched for, by its own launch tags, whatever became of it. */
async function launchedFor(): Promise<Map<string, string[]>> {
  const byRelay = new Map<string, string[]>();
  for (const { id, tags, launchIndex } of await world.instances()) {
    const relay = readLaunchTags(tags)?.relayIds[launchIndex];
    if (relay) byRelay.set(relay, [...(byRelay.get(relay) ?? []), id]);
  }
  return byRelay;
}

async function checkAlways(): Promise<void> {
  const relays = await world.relays();
  // I2
  for (const instances of (await launchedFor()).values()) expect(instances).toHaveLength(1);
  // I6: what a live relay owns was never ended by us.
  const own = new Map(relays.map((relay) => [relay.instanceId, relay]));
  for (const { id, endCause } of await world.instances()) {
    const owner = own.get(id);
    if (endCause === 'api') expect([owner?.state, id]).not.toEqual(['active', id]);
  }
  // I7: to another tenant none of it exists.
  const [any] = relays;
  const foreign = { tenant: 'rival', leaseSeconds: 600, now: world.now() };
  if (any) {
    expect(await world.front.requestTermination(any.id, foreign)).toEqual({ outcome: 'not_found' });
    expect(await world.front.renew(any.id, foreign)).toEqual({ outcome: 'not_found' });
  }
  expect(await world.front.list({ tenant: 'rival', regions: [world.region], limit: 5 })).toMatchObject({ relays: [] });
  // Counts and records never disagree.
  const { counts } = await world.front.inventory(world.region);
  for (const [state, count] of Object.entries(counts)) {
    expect([state, count]).toEqual([state, relays.filter((relay) => relay.state === state).length]);
  }
}

/** Operations that ended, by the metrics: one attempt each, since these workers do not repeat a call by themselves. */
async function countedOperations(): Promise<number> {
  const { values } = (await world.metrics.registry.getSingleMetric('aegis_aws_operations_total')?.get()) ?? {
    values: [],
  };
  return values.reduce((sum, { value }) => sum + value, 0);
}

async function comeToRest(history: History): Promise<void> {
  while (history.stale.length > 0) await wakeOne(history);
  await world.sim.clearFaults();
  const run = world.worker();
  for (let round = 0; round < 5; round++) {
    await world.front.beat(world.region, world.now());
    for (const name of JOBS) await quietly(run(name));
    await world.checkInAll();
    for (const { id, instanceId, state } of await world.relays()) {
      if (state === 'active' && instanceId) {
        await world.front.heartbeat(id, { instanceId, now: world.now(), heardLeaseExpiresAt: null });
      }
    }
    world.advance(11_000);
  }
}

async function checkAtRest(history: History): Promise<void> {
  // I5
  const { calls } = await world.sim.calls({ region: world.region, limit: 10_000 });
  expect((await countedOperations()) - history.operationsBefore).toBe(calls.length);
  const relays = await world.relays();
  const known = new Map(relays.map((relay) => [relay.id, relay]));
  // I3
  for (const id of history.created)
    expect([id, known.get(id)?.state]).toEqual([id, expect.stringMatching(/^(active|failed|terminated)$/)]);
  for (const relay of relays) if (relay.state === 'failed') expect(relay.reason).not.toBeNull();
  // I4
  for (const id of history.deleted)
    expect([id, known.get(id)?.state]).toEqual([id, expect.stringMatching(/^(failed|terminated)$/)]);
  // I1
  const live = (await world.liveInstances()).map(({ id }) => id).sort();
  expect(live).toEqual(
    relays
      .filter(({ state }) => state === 'active')
      .map(({ instanceId }) => instanceId)
      .sort(),
  );
}

test(
  'the invariants hold after every step of any interleaving, and at rest',
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: STEPS }), async (steps) => {
        const operationsBefore = await countedOperations();
        const history: History = { created: new Set(), deleted: new Set(), operationsBefore, stale: [] };
        try {
          await world.worker()('orphan_sweep');
          for (const next of steps) {
            await take(next, history);
            await checkAlways();
          }
          await comeToRest(history);
          await checkAlways();
          await checkAtRest(history);
        } finally {
          while (history.stale.length > 0) await wakeOne(history);
          await world.startOver();
        }
      }),
      { numRuns: RUNS, endOnFailure: false },
    );
  },
  120_000 + RUNS * 2_000,
);
