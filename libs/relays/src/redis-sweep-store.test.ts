import { randomInt, randomUUID } from 'node:crypto';
import { connectTestRedis, deleteKeys } from '@aegis/local-stack';
import { afterAll, describe, expect, test } from '@jest/globals';
import type { FleetStore, InstanceVerdict, ListedInstance } from './fleet-store.js';
import { createRedisFleetStore } from './redis-fleet-store.js';
import { createRedisRelayStore } from './redis-relay-store.js';
import type { Relay } from './relay.js';
import { newIntentId, newRelayId, parseRelayId } from './relay-id.js';
import type { RelayFrontStore } from './relay-store.js';
import { relayOutcomes } from './relay-transition.js';

const TIMING = {
  pendingTimeoutMs: 60_000,
  bootTimeoutMs: 30_000,
  heartbeatTimeoutMs: 20_000,
  blindAfterMs: 15_000,
  readiness: 'checkin',
} as const;
const T0 = 1_800_000_000_000;
const INSTANCE = 'i-0123456789abcdef0';
const LEASE = { now: T0 + 10_000, leaseSeconds: 600, maxLifetimeSeconds: 86_400 };

const redis = connectTestRedis();
const apiRedis = connectTestRedis('api');
const jobsRedis = connectTestRedis('jobs');
let front: RelayFrontStore;
let fleet: FleetStore;
let region: string;

afterAll(() => Promise.all([redis, apiRedis, jobsRedis].map((client) => client.quit())));

function freshRegion(): void {
  region = `us-test-${randomInt(1e9)}`;
  front = createRedisRelayStore({ redis: apiRedis, regions: [region], timing: TIMING });
  fleet = createRedisFleetStore({ redis: jobsRedis, timing: TIMING, newToken: randomUUID });
}

function listed(relayId: string | null, options: Partial<ListedInstance> & { tenant?: string } = {}): ListedInstance {
  const { tenant = 'acme', ...instance } = options;
  const suffix = relayId && parseRelayId(relayId)?.suffix;
  return {
    instanceId: INSTANCE,
    relay: suffix ? { suffix, tenant } : null,
    intentId: 'int_ustest_0000000000000000',
    instanceType: 't3.micro',
    serves: true,
    launchedAt: T0 + 500,
    ...instance,
  };
}

async function claim(...instances: ListedInstance[]): Promise<InstanceVerdict[]> {
  const fence = await fleet.beginRun(region, 'orphan_sweep');
  return (await fleet.claimInstances(fence, instances, LEASE)).verdicts;
}

async function finish(hold = { leases: 0, heartbeats: 0 }, now = T0): Promise<void> {
  const fence = await fleet.beginRun(region, 'orphan_sweep');
  const { doubted } = await fleet.beginSweep(fence, now);
  await fleet.finishSweep(fence, {
    now,
    doubted,
    holdLeasesUntil: hold.leases,
    holdHeartbeatsUntil: hold.heartbeats,
    halted: false,
    instances: 1,
    orphans: 0,
    missing: 0,
    marked: new Map([[INSTANCE, T0]]),
  });
}

async function create(leaseSeconds = 3600): Promise<Relay> {
  const id = newRelayId(region, T0, randomInt);
  const request = { id, tenant: 'acme', region, labels: {}, leaseSeconds, maxLifetimeSeconds: 86_400, now: T0 };
  return (await front.create(request)).relay;
}

async function openIntent(relay: Relay) {
  const fence = await fleet.beginRun(region, 'relay_launch');
  const intent = { id: newIntentId(region, T0, randomInt), relayIds: [relay.id], request: {}, openedAt: T0 };
  return { fence, intent, outcome: await fleet.openIntent(fence, intent) };
}

async function boot(relay: Relay): Promise<void> {
  const { fence, intent } = await openIntent(relay);
  await fleet.settleIntent(fence, {
    intentId: intent.id,
    now: T0,
    awsRequestId: null,
    instanceType: 't3.micro',
    launched: [{ relayId: relay.id, instanceId: INSTANCE, dead: false }],
    without: { relayIds: [], fate: 'requeue', code: 'partial_launch' },
  });
}

/** A fresh Redis in the same place: everything the region knew is gone. */
async function loseStore(): Promise<void> {
  await deleteKeys(redis, `{aegis:${region}}*`);
}

describe('a store in doubt', () => {
  test('launches and expires nothing until a sweep has compared it with EC2', async () => {
    freshRegion();
    const relay = await create(1);
    expect((await openIntent(relay)).outcome).toBe('unverified');
    const expiry = await fleet.beginRun(region, 'relay_expiry');
    expect(await fleet.expireDue(expiry, T0 + 60_000, 10)).toEqual({ moves: [], remaining: 0 });
    await finish();
    expect((await openIntent(relay)).outcome).toBe('opened');
  });

  test('knows since when it has been in doubt, until it is verified', async () => {
    freshRegion();
    const fence = await fleet.beginRun(region, 'orphan_sweep');
    expect(await fleet.beginSweep(fence, T0)).toMatchObject({ verified: false, suspectSince: T0 });
    expect(await fleet.beginSweep(fence, T0 + 5)).toMatchObject({ verified: false, suspectSince: T0 });
    await finish();
    const next = await fleet.beginRun(region, 'orphan_sweep');
    expect(await fleet.beginSweep(next, T0 + 9)).toEqual({
      verified: true,
      doubted: null,
      suspectSince: 0,
      frozen: false,
      marked: new Map([[INSTANCE, T0]]),
    });
  });

  test('an operator can stop launches and sweeps', async () => {
    freshRegion();
    await finish();
    expect(await front.setFreeze(region, { launch: true })).toEqual({ launch: true, sweep: false });
    expect((await openIntent(await create())).outcome).toBe('frozen');
    expect((await fleet.launchWork(region, 10)).frozen).toBe(true);
    await front.setFreeze(region, { launch: false, sweep: true });
    const fence = await fleet.beginRun(region, 'orphan_sweep');
    expect(await fleet.beginSweep(fence, T0)).toMatchObject({ frozen: true });
  });
});

describe('what a sweep makes of an instance', () => {
  test('a forgotten relay is rebuilt under its id, tenant and address, and its agent brings the lease back', async () => {
    freshRegion();
    const id = newRelayId(region, T0, randomInt);
    expect(await claim(listed(id))).toEqual(['rebuilt']);
    expect(await front.get(id)).toMatchObject({
      tenant: 'acme',
      state: 'booting',
      instanceId: INSTANCE,
      createdAt: T0,
      leaseExpiresAt: LEASE.now + 600_000,
    });
    const watch = await fleet.beginRun(region, 'relay_boot_watch');
    const seen = { relayId: id, instanceId: INSTANCE, seen: 'running', address: '198.51.100.9', note: '' } as const;
    expect(await fleet.observe(watch, [seen], LEASE.now)).toEqual([]);
    const heard = T0 + 5_000_000;
    const beat = await front.heartbeat(id, { instanceId: INSTANCE, now: LEASE.now + 1, heardLeaseExpiresAt: heard });
    expect(beat).toMatchObject({
      outcome: 'alive',
      relay: { state: 'active', address: '198.51.100.9', leaseExpiresAt: heard },
    });
    // It was counted as provisioned when it first became active, by a store that is gone.
    expect(beat.outcome === 'alive' && beat.moves.flatMap(relayOutcomes)).toEqual([]);
    const page = await front.list({ tenant: 'acme', regions: [region], limit: 5 });
    expect(page).toMatchObject({ relays: [{ id }] });
    expect(await claim(listed(id))).toEqual(['owned']);
  });

  test('a relay that still waits for an instance it already has gets it, instead of a second one', async () => {
    freshRegion();
    const relay = await create();
    expect(await claim(listed(relay.id))).toEqual(['attached']);
    expect(await front.get(relay.id)).toMatchObject({ state: 'booting', instanceId: INSTANCE });
    expect((await fleet.launchWork(region, 5)).waiting).toEqual([]);
  });

  test.each(['attached by a sweep', 'booting in an old backup'])(
    'a relay %s, whose agent has its session already, is active with the next heartbeat, and counted once',
    async (how) => {
      freshRegion();
      await finish();
      const relay = await create();
      if (how === 'attached by a sweep') await claim(listed(relay.id));
      else await boot(relay);
      const watch = await fleet.beginRun(region, 'relay_boot_watch');
      const seen = {
        relayId: relay.id,
        instanceId: INSTANCE,
        seen: 'running',
        address: '198.51.100.9',
        note: '',
      } as const;
      await fleet.observe(watch, [seen], T0);
      const beat = await front.heartbeat(relay.id, { instanceId: INSTANCE, now: T0 + 1, heardLeaseExpiresAt: null });
      expect(beat).toMatchObject({ outcome: 'alive', relay: { state: 'active' } });
      expect(beat.outcome === 'alive' && beat.moves.flatMap(relayOutcomes)).toEqual([]);
    },
  );

  test('a rebuilt relay that is heard before its address is known is not counted as provisioned again', async () => {
    freshRegion();
    const id = newRelayId(region, T0, randomInt);
    await claim(listed(id));
    await front.heartbeat(id, { instanceId: INSTANCE, now: T0 + 1, heardLeaseExpiresAt: null });
    const watch = await fleet.beginRun(region, 'relay_boot_watch');
    const seen = { relayId: id, instanceId: INSTANCE, seen: 'running', address: '198.51.100.9', note: '' } as const;
    const moves = await fleet.observe(watch, [seen], LEASE.now);
    expect(moves).toMatchObject([{ to: 'active' }]);
    expect(moves.flatMap(relayOutcomes)).toEqual([]);
  });

  test('a rebuilt relay that its client renews keeps the renewed lease, whatever its agent heard before', async () => {
    freshRegion();
    const id = newRelayId(region, T0, randomInt);
    await claim(listed(id));
    await front.renew(id, { tenant: 'acme', leaseSeconds: 5_000, now: LEASE.now });
    const heard = T0 + 60_000;
    await front.heartbeat(id, { instanceId: INSTANCE, now: LEASE.now + 1, heardLeaseExpiresAt: heard });
    expect((await front.get(id))?.leaseExpiresAt).toBe(LEASE.now + 5_000_000);
  });

  test('a relay whose forgotten instance is dead again fails, instead of being launched twice', async () => {
    freshRegion();
    const relay = await create();
    expect(await claim(listed(relay.id, { serves: false }))).toEqual(['ending']);
    expect(await front.get(relay.id)).toMatchObject({ state: 'failed', reason: 'instance_lost' });
  });

  test('an open intent owns its instances, whatever the records say', async () => {
    freshRegion();
    await finish();
    const relay = await create();
    const { intent } = await openIntent(relay);
    expect(await claim(listed(relay.id, { intentId: intent.id }))).toEqual(['open_intent']);
    expect(await claim(listed(null, { intentId: intent.id }))).toEqual(['open_intent']);
    expect((await front.get(relay.id))?.state).toBe('launching');
  });

  test('nobody owns what an ended relay left, a second instance of a relay, or one without identity', async () => {
    freshRegion();
    const [ended, served] = [await create(), await create()];
    await front.requestTermination(ended.id, { tenant: 'acme', now: T0 });
    await claim(listed(served.id));
    const second = { instanceId: 'i-0fedcba9876543210' };
    expect(await claim(listed(ended.id, second), listed(served.id, second), listed(null, second))).toEqual([
      'orphan',
      'orphan',
      'orphan',
    ]);
    expect(await front.get(served.id)).toMatchObject({ instanceId: INSTANCE });
  });

  test('a sweep that was overtaken changes nothing', async () => {
    freshRegion();
    const stale = await fleet.beginRun(region, 'orphan_sweep');
    await fleet.beginRun(region, 'orphan_sweep');
    const id = newRelayId(region, T0, randomInt);
    await expect(fleet.claimInstances(stale, [listed(id)], LEASE)).rejects.toMatchObject({ code: 'fenced' });
    await expect(fleet.beginSweep(stale, T0)).rejects.toMatchObject({ code: 'fenced' });
    expect(await front.get(id)).toBeNull();
  });
});

describe('after the doubt', () => {
  test('leases of an old backup are on hold until agents have repeated their renewals', async () => {
    freshRegion();
    const relay = await create(5);
    await claim(listed(relay.id));
    await finish({ leases: T0 + 40_000, heartbeats: T0 + 40_000 });
    const expiry = () => fleet.beginRun(region, 'relay_expiry').then((fence) => fence);
    expect((await fleet.expireDue(await expiry(), T0 + 20_000, 10)).moves).toEqual([]);
    const renewed = T0 + 90_000;
    await front.heartbeat(relay.id, { instanceId: INSTANCE, now: T0 + 21_000, heardLeaseExpiresAt: renewed });
    expect((await front.get(relay.id))?.leaseExpiresAt).toBe(renewed);
    // Outside the hold the store's own word counts, and an agent can extend nothing.
    await front.heartbeat(relay.id, { instanceId: INSTANCE, now: T0 + 41_000, heardLeaseExpiresAt: T0 + 999_000 });
    expect((await front.get(relay.id))?.leaseExpiresAt).toBe(renewed);
  });

  test('a renewal that an old backup lacks is taken from an agent that is heard before any sweep', async () => {
    freshRegion();
    await finish();
    const relay = await create(5);
    await boot(relay);
    // What a restored backup brings: the mark of a Redis that is no more.
    await redis.hset(`{aegis:${region}}:meta`, 'verified', 'another');
    const renewed = T0 + 90_000;
    await front.heartbeat(relay.id, { instanceId: INSTANCE, now: T0 + 1, heardLeaseExpiresAt: renewed });
    expect((await front.get(relay.id))?.leaseExpiresAt).toBe(renewed);
  });

  test('all of a lost store comes back in one pass, each relay once', async () => {
    freshRegion();
    const relays = await Promise.all(Array.from({ length: 450 }, () => create()));
    const instances = relays.map((relay, n) =>
      listed(relay.id, { instanceId: `i-${n.toString(16).padStart(17, '0')}` }),
    );
    await claim(...instances);
    await loseStore();
    expect(new Set(await claim(...instances))).toEqual(new Set(['rebuilt']));
    expect(new Set(await claim(...instances))).toEqual(new Set(['owned']));
    expect((await front.inventory(region)).counts).toMatchObject({ booting: 450 });
    let seen = 0;
    for await (const batch of fleet.relaysWithInstance(region)) seen += batch.length;
    expect(seen).toBe(450);
  });
});
