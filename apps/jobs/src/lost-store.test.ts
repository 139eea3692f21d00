// Stores that have lost what they promised: the last seconds before a crash or a failover, or all since a backup.
import { afterEach, describe, expect, test } from '@jest/globals';
import { backUpRegion, castDoubt, restoreRegion } from './testing/region-backup.js';
import { createRegionWorld, type RegionWorld } from './testing/region-world.js';
import { stockPool } from './testing/stock-pool.js';

let world: RegionWorld;
afterEach(() => world.close());

const POOL = { warmPool: { size: 1, maxAgeSeconds: 3600, schedule: [] } };

/** A region that has been compared with EC2. */
async function open(...[settings, region]: Parameters<typeof createRegionWorld>): Promise<void> {
  world = await createRegionWorld(settings, region);
  await world.worker()('orphan_sweep');
}

describe('a spare that was handed out, and the store has forgotten it', () => {
  test('is handed to nobody else while the store is in doubt, nor after', async () => {
    await open({}, POOL);
    await stockPool(world);
    const backup = await backUpRegion(world);
    const { relay } = await world.claim('acme');
    await restoreRegion(world, backup);
    expect((await world.claim('beta')).relay.id).not.toBe(relay.id);
    await world.worker()('orphan_sweep');
    expect((await world.claim('beta')).relay.id).not.toBe(relay.id);
    expect((await world.front.get(relay.id))?.state).toBe('active');
  });

  test('is its tenant’s again as soon as its instance says so, and the pool is filled anew', async () => {
    await open({}, POOL);
    await stockPool(world);
    const backup = await backUpRegion(world);
    const { relay } = await world.claim('acme');
    // Writes the tenant on the instance.
    await world.worker()('warm_pool');
    await restoreRegion(world, backup);
    await world.worker()('orphan_sweep');
    expect(await world.front.get(relay.id)).toMatchObject({ tenant: 'acme', state: 'active' });
    expect(await world.front.liveOf(world.region, 'acme')).toBe(1);
    await stockPool(world);
    const next = await world.claim('beta');
    expect(next).toMatchObject({ outcome: 'claimed', relay: { tenant: 'beta' } });
    expect(next.relay.id).not.toBe(relay.id);
  });
});

test('a sweep that had listed EC2 before the doubt does not end it', async () => {
  await open();
  const deploymentPages: typeof world.cloud.deploymentPages = async function* (...args) {
    yield* world.cloud.deploymentPages(...args);
    await castDoubt(world);
  };
  await world.worker({ cloud: { ...world.cloud, deploymentPages } })('orphan_sweep');
  expect(await world.fleet.isVerified(world.region)).toBe(false);
  await world.worker()('orphan_sweep');
  expect(await world.fleet.isVerified(world.region)).toBe(true);
});

test('what waits in an old backup for longer than a relay may is not launched, and fails', async () => {
  await open();
  await world.create(1);
  await restoreRegion(world, await backUpRegion(world));
  world.advance(3_600_000);
  const run = world.worker();
  for (const job of ['orphan_sweep', 'relay_launch', 'relay_expiry'] as const) await run(job);
  expect(await world.instances()).toEqual([]);
  expect(await world.relays()).toMatchObject([{ state: 'failed' }]);
});

test('a launch in a backup older than EC2 keeps tokens is not sent, but what it launched then is found', async () => {
  await open();
  await world.create(2);
  await world.sim.fault({ operation: 'RunInstances', effect: 'done', kind: { type: 'cut' } });
  await expect(world.worker()('relay_launch')).rejects.toThrow();
  const before = await world.liveInstances();
  expect(before).toHaveLength(2);
  await restoreRegion(world, await backUpRegion(world));
  world.advance(25 * 3_600_000);
  await world.worker()('relay_launch');
  expect((await world.instances()).map(({ id }) => id).sort()).toEqual(before.map(({ id }) => id).sort());
  expect((await world.relays()).map(({ instanceId }) => instanceId).sort()).toEqual(before.map(({ id }) => id).sort());
});
