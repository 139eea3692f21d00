import { randomInt } from 'node:crypto';
import { deleteKeys } from '@aegis/local-stack';
import { newRelayId } from '@aegis/relays';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createRegionWorld, type RegionWorld } from '../testing/region-world.js';

let world: RegionWorld;
beforeEach(async () => {
  world = await createRegionWorld({}, { warmPool: { size: 3, maxAgeSeconds: 3600, schedule: [] } });
  await world.worker()('orphan_sweep');
});
afterEach(() => world.close());

const spares = async () => {
  const page = await world.front.list({ tenant: '', regions: [world.region], limit: 100 });
  return page.outcome === 'page' ? page.relays : [];
};

async function round(): Promise<void> {
  const run = world.worker();
  for (const job of ['warm_pool', 'relay_launch', 'relay_boot_watch'] as const) await run(job);
  for (const { instanceId, intentId, state } of await spares()) {
    if (state !== 'booting' || !instanceId || !intentId) continue;
    await world.front.checkIn({ region: world.region, intentId, instanceId, now: world.now() });
  }
}

const claim = () =>
  world.front.create({
    id: newRelayId(world.region, world.now(), randomInt),
    tenant: 'acme',
    region: world.region,
    labels: {},
    leaseSeconds: 600,
    maxLifetimeSeconds: 3600,
    now: world.now(),
  });

test('the pool is filled in one launch, refilled after a claim, and never over its size', async () => {
  await round();
  expect((await world.front.inventory(world.region)).warmReady).toBe(3);
  expect((await claim()).outcome).toBe('claimed');
  await round();
  await round();
  expect((await world.front.inventory(world.region)).warmReady).toBe(3);
  expect(await world.liveInstances()).toHaveLength(4);
});

test('a spare that dies is replaced', async () => {
  await round();
  const [victim] = await world.liveInstances();
  await world.sim.kill({ instanceIds: [victim?.id ?? ''] });
  const run = world.worker();
  await run('orphan_sweep');
  await run('relay_terminate');
  await round();
  expect((await world.front.inventory(world.region)).warmReady).toBe(3);
  expect(await world.liveInstances()).toHaveLength(3);
});

test('a lost store knows again whose a claimed spare was, and hands nobody what might be somebody’s', async () => {
  await round();
  const { relay } = await claim();
  await world.worker()('warm_pool');
  await deleteKeys(world.redis, `{aegis:${world.region}}*`);
  await world.worker()('orphan_sweep');
  expect(await world.front.get(relay.id)).toMatchObject({ tenant: 'acme', instanceId: relay.instanceId });
  for (const { id, instanceId } of await spares()) {
    if (instanceId) await world.front.heartbeat(id, { instanceId, now: world.now(), heardLeaseExpiresAt: null });
  }
  expect((await claim()).outcome).toBe('created');
});

test('age ends a spare, and its place is taken', async () => {
  await round();
  world.advance(3_601_000);
  await world.front.beat(world.region, world.now());
  const run = world.worker();
  for (const job of ['relay_expiry', 'relay_terminate'] as const) await run(job);
  await round();
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
    await round().catch(() => undefined);
    world.advance(5_000);
  }
  expect((await world.front.inventory(world.region)).counts.failed).toBeLessThanOrEqual(6);
  await world.sim.clearFaults();
  world.advance(181_000);
  await round();
  await round();
  expect((await world.front.inventory(world.region)).warmReady).toBe(3);
});

test('one tenant’s instance that takes no tag keeps no other’s from its own', async () => {
  await round();
  await claim();
  await world.front.create({
    ...{ id: newRelayId(world.region, world.now(), randomInt), tenant: 'beta', region: world.region },
    ...{ labels: {}, leaseSeconds: 600, maxLifetimeSeconds: 3600, now: world.now() },
  });
  await world.sim.fault({ operation: 'CreateTags', count: 1, kind: { type: 'auth' } });
  await expect(world.worker()('warm_pool')).rejects.toThrow();
  expect(await world.fleet.untagged(world.region, 9)).toHaveLength(1);
  await world.worker()('warm_pool');
  expect(await world.fleet.untagged(world.region, 9)).toEqual([]);
});
