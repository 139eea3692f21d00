import { waitFor } from '@aegis/local-stack';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createRegionWorld, type RegionWorld } from '../testing/region-world.js';

let world: RegionWorld;
beforeEach(async () => {
  world = await createRegionWorld();
  await world.worker()('orphan_sweep');
});
afterEach(() => world.close());

const terminate = () => world.worker()('relay_terminate');
const states = async () => (await world.relays()).map(({ state }) => state).sort();

async function active(count: number): Promise<void> {
  await world.create(count);
  await world.worker()('relay_launch');
  await world.worker()('relay_boot_watch');
  await world.checkInAll();
}

async function deleteAll(): Promise<void> {
  for (const { id } of await world.relays()) {
    await world.front.requestTermination(id, { tenant: 'acme', now: world.now() });
  }
}

/** EC2's visibility runs on its own clock. */
async function untilShown(count: number): Promise<void> {
  const ids = (await world.instances()).map(({ id }) => id);
  await waitFor('the instances to show', 15_000, async () => {
    return (await world.cloud.describeByIds(world.region, ids)).length === count;
  });
}

/** EC2 shuts machines down on its own clock. */
async function untilEnded(): Promise<void> {
  await waitFor('all instances terminated', 15_000, async () =>
    (await world.instances()).every(({ state }) => state === 'terminated'),
  );
}

const calls = async (operation: string) =>
  (await world.sim.calls({ region: world.region })).calls.filter((call) => call.operation === operation).length;

describe('a terminate', () => {
  test('ends all relays that must go in one call, and closes them once EC2 confirms', async () => {
    await active(40);
    await deleteAll();
    await terminate();
    expect(await calls('TerminateInstances')).toBe(1);
    expect(new Set(await states())).toEqual(new Set(['terminating']));
    world.advance(2_000);
    await terminate();
    expect(new Set(await states())).toEqual(new Set(['terminated']));
    expect(await world.liveInstances()).toEqual([]);
  });

  test('of an instance that somebody ended long ago, and EC2 has forgotten, closes its relay', async () => {
    await active(3);
    const [gone] = await world.instances();
    await world.forget([gone?.id ?? '']);
    await deleteAll();
    world.advance(120_000);
    await terminate();
    world.advance(2_000);
    await terminate();
    expect(await states()).toEqual(Array(3).fill('terminated'));
  });

  test('of an instance EC2 does not show yet is tried again, never given up', async () => {
    await active(1);
    await world.sim.changeSettings({ visibilityMs: 300 });
    await world.create(1);
    await world.worker()('relay_launch');
    await deleteAll();
    await terminate();
    world.advance(2_000);
    await terminate();
    expect(await states()).toEqual(['terminated', 'terminating']);
    await untilShown(2);
    world.advance(2_000);
    await terminate();
    world.advance(2_000);
    await terminate();
    expect(await states()).toEqual(['terminated', 'terminated']);
    expect(await world.liveInstances()).toEqual([]);
  });

  test('that is refused with 403 because one instance no longer exists ends the others', async () => {
    await active(3);
    const [gone] = await world.instances();
    await world.forget([gone?.id ?? '']);
    await world.sim.changeSettings({ terminateUnknown: 'unauthorized' });
    await deleteAll();
    world.advance(120_000);
    await terminate();
    world.advance(2_000);
    await terminate();
    expect(await states()).toEqual(Array(3).fill('terminated'));
  });

  test('that termination protection refuses is told as an error and comes again, until the protection is off', async () => {
    await active(2);
    const [kept] = await world.instances();
    await world.sim.protect([kept?.id ?? '']);
    await deleteAll();
    await terminate().catch(() => undefined);
    world.advance(3_000);
    await terminate().catch(() => undefined);
    expect(await states()).toEqual(['terminated', 'terminating']);
    expect(await world.metrics.registry.getSingleMetricAsString('aegis_relay_deprovision_total')).toMatch(
      /status="error"} [1-9]/,
    );
    await world.sim.protect([kept?.id ?? ''], false);
    world.advance(60_000);
    await terminate();
    world.advance(2_000);
    await terminate();
    expect(await states()).toEqual(['terminated', 'terminated']);
  });

  test('that is refused while another job finds the instance gone is counted once, as what it was', async () => {
    await active(1);
    await deleteAll();
    await world.sim.fault({ operation: 'TerminateInstances', count: null, kind: { type: 'auth' } });
    const { cloud } = world;
    const run = world.worker({
      cloud: {
        ...cloud,
        async terminate(...asked) {
          const answer = await cloud.terminate(...asked);
          const [relay] = await world.relays();
          const fence = await world.fleet.beginRun(world.region, 'relay_boot_watch');
          const gone = { relayId: relay?.id ?? '', instanceId: relay?.instanceId ?? '', note: '', address: null };
          const moves = await world.fleet.observe(fence, [{ ...gone, seen: 'gone' }], world.now());
          expect(moves).toMatchObject([{ to: 'terminated' }]);
          return answer;
        },
      },
    });
    await run('relay_terminate').catch(() => undefined);
    expect(await states()).toEqual(['terminated']);
    const counted = await world.metrics.registry.getSingleMetricAsString('aegis_relay_deprovision_total');
    expect(counted).not.toMatch(/status="error"} [1-9]/);
  });

  test('that meets an instance on its way out counts as ignored, as EC2 was not needed', async () => {
    await active(2);
    await world.sim.changeSettings({ shutdownMs: 1_000 });
    const [leaving] = await world.instances();
    await world.sim.terminateOutside([leaving?.id ?? '']);
    await deleteAll();
    await terminate();
    world.advance(2_000);
    await terminate();
    expect(await calls('TerminateInstances')).toBe(1);
    expect(await states()).toEqual(['terminating', 'terminating']);
    await untilEnded();
    world.advance(2_000);
    await terminate();
    expect(await states()).toEqual(['terminated', 'terminated']);
    const counted = await world.metrics.registry.getSingleMetricAsString('aegis_relay_deprovision_total');
    expect(counted).toMatch(/status="ok"} 1$/m);
    expect(counted).toMatch(/status="ignored"} 1$/m);
  });

  test('goes out although EC2 lists nothing, and earlier ones wait to be confirmed', async () => {
    await active(2);
    const [first, second] = await world.relays();
    const remove = (id = '') => world.front.requestTermination(id, { tenant: 'acme', now: world.now() });
    await remove(first?.id);
    await terminate();
    await world.sim.fault({ operation: 'DescribeInstances', count: null, kind: { type: 'http', status: 503 } });
    await remove(second?.id);
    world.advance(2_000);
    await expect(terminate()).rejects.toThrow();
    await untilEnded();
    await world.sim.clearFaults();
    world.advance(2_000);
    await terminate();
    expect(await states()).toEqual(['terminated', 'terminated']);
  });

  test('that is refused for days does not fill the store with its story, which names EC2’s requests', async () => {
    await active(1);
    await deleteAll();
    await world.sim.fault({ operation: 'TerminateInstances', count: null, kind: { type: 'auth' } });
    for (let refusals = 0; refusals < 100; refusals++) {
      await terminate().catch(() => undefined);
      world.advance(10_000);
    }
    await world.sim.clearFaults();
    await terminate();
    const [relay] = await world.relays();
    const story = await world.front.events(relay?.id ?? '', 0, 100);
    expect(story.length).toBeLessThan(20);
    const refused = story.filter(({ reason }) => reason === 'AuthFailure' || reason === 'UnauthorizedOperation');
    // The launch was the first attempt.
    expect(refused.map(({ attempt }) => attempt)).toEqual([2, 3, 4, 8, 16, 32, 64]);
    expect(story.at(-1)).toMatchObject({
      reason: 'terminate_sent',
      awsRequestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
  });

  test('whose answer is lost is repeated', async () => {
    await active(2);
    await deleteAll();
    await world.sim.fault({ operation: 'TerminateInstances', effect: 'done', kind: { type: 'cut' } });
    await expect(terminate()).rejects.toThrow();
    world.advance(10_000);
    await terminate();
    world.advance(2_000);
    await terminate();
    expect(await states()).toEqual(['terminated', 'terminated']);
  });
});

test('deletes that follow each other closely are gathered: what comes while a call waits its turn goes with it', async () => {
  await active(4);
  const [first, second, ...others] = await world.relays();
  // It stands still: on a busy machine the calls would not follow each other closely.
  const at = world.now();
  const remove = (id = '') => world.front.requestTermination(id, { tenant: 'acme', now: at });
  const late = others.map(({ id }) => id);
  const run = world.worker({
    now: () => at,
    store: {
      ...world.fleet,
      async terminating(...asked) {
        const due = await world.fleet.terminating(...asked);
        if (due.some(({ relayId }) => relayId === second?.id)) for (const id of late.splice(0)) await remove(id);
        return due;
      },
    },
  });
  await remove(first?.id);
  await run('relay_terminate');
  await remove(second?.id);
  await run('relay_terminate');
  expect(await calls('TerminateInstances')).toBe(2);
  expect(await states()).toEqual(Array(4).fill('terminating'));
  expect(await world.liveInstances()).toEqual([]);
});
