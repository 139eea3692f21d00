import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { backUpRegion, restoreRegion } from '../testing/region-backup.js';
import { createRegionWorld, type RegionWorld } from '../testing/region-world.js';

let world: RegionWorld;
beforeEach(async () => {
  world = await createRegionWorld();
  await sweep();
});
afterEach(() => world.close());

const sweep = () => world.worker()('orphan_sweep');
const DEPLOYMENT = { 'aegis:deployment': 'local' };

async function active(count: number): Promise<void> {
  await world.create(count);
  await world.worker()('relay_launch');
  await world.worker()('relay_boot_watch');
  await world.checkInAll();
}

async function seedOrphans(count: number, tags: Record<string, string> = {}): Promise<string[]> {
  const seeded = await world.sim.seed({
    region: world.region,
    launches: [{ count, tags: { ...DEPLOYMENT, ...tags } }],
  });
  return seeded.launches.flatMap(({ instanceIds }) => instanceIds);
}

const liveIds = async () => (await world.liveInstances()).map(({ id }) => id).sort();
const relayIds = async () => (await world.relays()).map(({ instanceId }) => instanceId).sort();
const metric = (name: string) => world.metrics.registry.getSingleMetricAsString(name);

describe('orphans', () => {
  test('are marked by one sweep and terminated by a later one, past their grace; relays stay', async () => {
    await active(3);
    const orphans = await seedOrphans(4);
    world.advance(10_000);
    await sweep();
    expect(await liveIds()).toEqual(expect.arrayContaining(orphans));
    await sweep();
    expect(await liveIds()).toEqual(await relayIds());
    expect(await metric('aegis_sweep_orphans_found_total')).toMatch(/ 4$/m);
  });

  test('too many at once halt the sweep, which says so and touches nothing', async () => {
    await active(3);
    await seedOrphans(11);
    world.advance(10_000);
    await sweep();
    await sweep();
    expect(await world.liveInstances()).toHaveLength(14);
    expect((await world.front.inventory(world.region)).sweep).toMatchObject({ halted: true, orphans: 11 });
  });

  test('are none while the store knows whose they are, whatever became of their tags', async () => {
    await active(3);
    const [victim] = await world.liveInstances();
    await world.cloud.setTags(world.region, [victim?.id ?? ''], { 'aegis:tenants:00': 'somebody was here' });
    world.advance(10_000);
    await sweep();
    await sweep();
    expect(await liveIds()).toEqual(await relayIds());
    expect(await world.liveInstances()).toHaveLength(3);
  });

  test('are spared when an operator stops sweeps while this one lists', async () => {
    await seedOrphans(2);
    world.advance(10_000);
    await sweep();
    const deploymentPages: typeof world.cloud.deploymentPages = async function* (...args) {
      yield* world.cloud.deploymentPages(...args);
      await world.front.setFreeze(world.region, { sweep: true });
    };
    await world.worker({ cloud: { ...world.cloud, deploymentPages } })('orphan_sweep');
    expect(await world.liveInstances()).toHaveLength(2);
  });

  test('protected by an operator, or of a frozen region, are left alone', async () => {
    await seedOrphans(2, { 'aegis:protected': 'yes' });
    await seedOrphans(1);
    await world.front.setFreeze(world.region, { sweep: true });
    world.advance(10_000);
    for (let i = 0; i < 3; i++) await sweep();
    expect(await world.liveInstances()).toHaveLength(3);
    await world.front.setFreeze(world.region, { sweep: false });
    await sweep();
    expect(await world.liveInstances()).toHaveLength(2);
  });

  test("of another deployment, or without the tag, are nobody's business", async () => {
    await world.sim.seed({
      region: world.region,
      launches: [
        { count: 2, tags: {} },
        { count: 2, tags: { 'aegis:deployment': 'other' } },
      ],
    });
    world.advance(10_000);
    await sweep();
    await sweep();
    expect(await world.liveInstances()).toHaveLength(4);
  });

  test('a listing that breaks off deletes nothing and completes nothing', async () => {
    await seedOrphans(2);
    world.advance(10_000);
    await sweep();
    const before = (await world.front.inventory(world.region)).sweep.lastCompleteAt;
    await world.sim.fault({ operation: 'DescribeInstances', kind: { type: 'http', status: 500 } });
    await expect(sweep()).rejects.toThrow();
    expect(await world.liveInstances()).toHaveLength(2);
    expect((await world.front.inventory(world.region)).sweep.lastCompleteAt).toBe(before);
  });
});

describe('lost relays', () => {
  test('are closed when EC2 says that their instance is gone', async () => {
    await active(3);
    const [victim] = await world.liveInstances();
    await world.sim.terminateOutside([victim?.id ?? '']);
    await sweep();
    world.advance(3_000);
    await world.worker()('relay_terminate');
    const relays = await world.relays();
    expect(relays.filter(({ reason }) => reason === 'instance_lost')).toHaveLength(1);
    expect(relays.filter(({ state }) => state === 'active')).toHaveLength(2);
  });

  test('are not believed lost when a listing of the wrong account shows none at all', async () => {
    await active(12);
    const ids = await liveIds();
    await world.forget(ids);
    world.advance(120_000);
    await sweep();
    expect((await world.relays()).filter(({ state }) => state === 'active')).toHaveLength(12);
    expect((await world.front.inventory(world.region)).sweep).toMatchObject({ halted: true, missing: 12 });
  });
});

describe('a store restored from an old backup', () => {
  test('learns of relays it never heard of, closes those that are gone, and launches none twice', async () => {
    await active(2);
    await world.create(2);
    const backup = await backUpRegion(world);
    await world.worker()('relay_launch');
    await world.worker()('relay_boot_watch');
    await world.checkInAll();
    await active(1);
    const before = await world.relays();
    const gone = before.at(-1);
    await world.sim.terminateOutside([gone?.instanceId ?? '']);

    await restoreRegion(world, backup);
    expect(await world.relays()).toHaveLength(4);
    await sweep();
    await world.worker()('relay_launch');
    await world.worker()('relay_boot_watch');
    await world.checkInAll();
    expect((await world.relays()).map(({ id }) => id)).toEqual(before.map(({ id }) => id));
    expect((await world.relays()).filter(({ state }) => state === 'active')).toHaveLength(4);
    expect((await world.relays()).at(-1)?.reason).toBe('instance_lost');
    expect(await world.instances()).toHaveLength(5);
  });
});
