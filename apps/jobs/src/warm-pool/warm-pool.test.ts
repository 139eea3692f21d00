import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createRegionWorld, type RegionWorld } from '../testing/region-world.js';
import { stockPool } from '../testing/stock-pool.js';

let world: RegionWorld;
beforeEach(async () => {
  world = await createRegionWorld({}, { warmPool: { size: 3, maxAgeSeconds: 3600, schedule: [] } });
  await world.worker()('orphan_sweep');
});
afterEach(() => world.close());

test('the pool is filled in one launch, refilled after a claim, and never over its size', async () => {
  await stockPool(world);
  expect((await world.front.inventory(world.region)).warmReady).toBe(3);
  expect((await world.claim()).outcome).toBe('claimed');
  await stockPool(world);
  await stockPool(world);
  expect((await world.front.inventory(world.region)).warmReady).toBe(3);
  expect(await world.liveInstances()).toHaveLength(4);
});

test('a large pool is asked for in one run, though in several calls of the store', async () => {
  const large = await createRegionWorld({}, { warmPool: { size: 250, maxAgeSeconds: 3600, schedule: [] } });
  try {
    await large.worker()('orphan_sweep');
    await large.worker()('warm_pool');
    expect((await large.front.inventory(large.region)).counts.pending).toBe(250);
  } finally {
    await large.close();
  }
});

test('a spare that dies is replaced', async () => {
  await stockPool(world);
  const [victim] = await world.liveInstances();
  await world.sim.kill({ instanceIds: [victim?.id ?? ''] });
  const run = world.worker();
  await run('orphan_sweep');
  await run('relay_terminate');
  await stockPool(world);
  expect((await world.front.inventory(world.region)).warmReady).toBe(3);
  expect(await world.liveInstances()).toHaveLength(3);
});

test('a lost store knows again whose a claimed spare was, and hands nobody what might be somebody’s', async () => {
  await stockPool(world);
  const { relay } = await world.claim();
  await world.worker()('warm_pool');
  await world.loseStore();
  await world.worker()('orphan_sweep');
  expect(await world.front.get(relay.id)).toMatchObject({ tenant: 'acme', instanceId: relay.instanceId });
  for (const { id, instanceId } of await world.relays('')) {
    if (instanceId) await world.front.heartbeat(id, { instanceId, now: world.now(), heardLeaseExpiresAt: null });
  }
  expect((await world.claim()).outcome).toBe('created');
});

test('age ends a spare, and its place is taken', async () => {
  await stockPool(world);
  world.advance(3_601_000);
  await world.front.beat(world.region, world.now());
  const run = world.worker();
  for (const job of ['relay_expiry', 'relay_terminate'] as const) await run(job);
  await stockPool(world);
  world.advance(2_000);
  await run('relay_terminate');
  expect((await world.front.inventory(world.region)).warmReady).toBe(3);
  expect(await world.liveInstances()).toHaveLength(3);
});

test('while EC2 has no capacity the pool leaves no trail of failures, and is filled when it has some again', async () => {
  await world.sim.fault({
    operation: 'RunInstances',
    count: null,
    kind: { type: 'error', code: 'InsufficientInstanceCapacity' },
  });
  for (let ticks = 0; ticks < 20; ticks++) {
    await stockPool(world).catch(() => undefined);
    world.advance(5_000);
  }
  expect((await world.front.inventory(world.region)).counts.failed).toBeLessThanOrEqual(6);
  await world.sim.clearFaults();
  world.advance(181_000);
  await stockPool(world);
  await stockPool(world);
  expect((await world.front.inventory(world.region)).warmReady).toBe(3);
});

test('one tenant’s instance that takes no tag keeps no other’s from its own', async () => {
  await stockPool(world);
  await world.claim();
  await world.claim('beta');
  await world.sim.fault({ operation: 'CreateTags', count: 1, kind: { type: 'auth' } });
  await expect(world.worker()('warm_pool')).rejects.toThrow();
  expect(await world.fleet.untagged(world.region, 9)).toHaveLength(1);
  await world.worker()('warm_pool');
  expect(await world.fleet.untagged(world.region, 9)).toEqual([]);
});
