import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createRegionWorld, type RegionWorld } from '../testing/region-world.js';

let world: RegionWorld;
beforeEach(async () => {
  world = await createRegionWorld();
  await world.worker()('orphan_sweep');
  await world.create(3);
  await world.worker()('relay_launch');
});
afterEach(() => world.close());

const looks = async () =>
  (await world.sim.calls({ region: world.region })).calls.filter(({ operation }) => operation === 'DescribeInstances');

test('at rest looks at once; runs that follow each other wait a little longer each, so that more check in meanwhile', async () => {
  const before = (await looks()).length;
  // Only waiting moves this clock.
  let now = world.now();
  const sleep = async (ms: number) => {
    now += ms;
  };
  const watch = world.worker({ now: () => now, sleep });
  const startedAt = now;
  const waited: number[] = [];
  for (let run = 0; run < 4; run += 1) {
    await watch('relay_boot_watch');
    waited.push(now - startedAt);
  }
  expect(waited).toEqual([0, 100, 300, 700]);
  expect((await looks()).length - before).toBe(4);
});

test('with nobody that boots asks EC2 nothing', async () => {
  const watch = world.worker();
  await watch('relay_boot_watch');
  await world.checkInAll();
  const before = (await looks()).length;
  await watch('relay_boot_watch');
  await watch('relay_boot_watch');
  expect((await looks()).length).toBe(before);
  expect((await world.relays()).map(({ state }) => state)).toEqual(['active', 'active', 'active']);
});
