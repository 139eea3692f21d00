import { randomInt, randomUUID } from 'node:crypto';
import { connectTestRedis } from '@aegis/local-stack';
import { afterAll, beforeEach, expect, test } from '@jest/globals';
import type { FleetStore } from './fleet-store.js';
import { createRedisFleetStore } from './redis-fleet-store.js';
import { createRedisRelayStore } from './redis-relay-store.js';
import { newIntentId, newRelayId } from './relay-id.js';
import type { RelayFrontStore } from './relay-store.js';
import { relayOutcomes } from './relay-transition.js';

const TIMING = {
  pendingTimeoutMs: 60_000,
  bootTimeoutMs: 30_000,
  heartbeatTimeoutMs: 20_000,
  blindAfterMs: 15_000,
  readiness: 'running',
} as const;
const T0 = 1_800_000_000_000;

const redis = connectTestRedis();
const apiRedis = connectTestRedis('api');
const jobsRedis = connectTestRedis('jobs');
let front: RelayFrontStore;
let fleet: FleetStore;
let region: string;

afterAll(() => Promise.all([redis, apiRedis, jobsRedis].map((client) => client.quit())));
beforeEach(async () => {
  region = `us-test-${randomInt(1e9)}`;
  front = createRedisRelayStore({ redis: apiRedis, regions: [region], timing: TIMING });
  fleet = createRedisFleetStore({ redis: jobsRedis, timing: TIMING, newToken: randomUUID });
  const fence = await fleet.beginRun(region, 'orphan_sweep');
  const zero = { holdLeasesUntil: 0, holdHeartbeatsUntil: 0, instances: 0, orphans: 0, missing: 0 };
  const { doubted } = await fleet.beginSweep(fence, T0);
  await fleet.finishSweep(fence, { ...zero, now: T0, doubted, halted: false, marked: new Map() });
});

const ids = (count: number) => Array.from({ length: count }, () => newRelayId(region, T0, randomInt));

async function stock(target: number, now = T0, most = 500) {
  const fence = await fleet.beginRun(region, 'warm_pool');
  return fleet.stockWarmPool(fence, {
    now,
    target,
    maxAgeSeconds: 3600,
    instanceTypes: ['t3.micro'],
    ids: ids(most),
  });
}

async function bootAll(now = T0 + 10): Promise<void> {
  const { waiting: pending } = await fleet.launchWork(region, 1000);
  const fence = await fleet.beginRun(region, 'relay_launch');
  const intentId = newIntentId(region, now, randomInt);
  const relayIds = pending.map(({ id }) => id);
  await fleet.openIntent(fence, { id: intentId, relayIds, request: {}, openedAt: now });
  const launched = relayIds.map((relayId) => ({ relayId, instanceId: `i-${relayId.slice(-16)}`, dead: false }));
  const without = { relayIds: [], fate: 'requeue', code: 'x' } as const;
  await fleet.settleIntent(fence, {
    intentId,
    now,
    awsRequestId: null,
    instanceType: 't3.micro',
    launched,
    without: { ...without, relayIds: [] },
  });
  const watch = await fleet.beginRun(region, 'relay_boot_watch');
  const seen = launched.map(({ relayId, instanceId }) => ({
    ...{ relayId, instanceId, seen: 'running' as const },
    ...{ address: '198.51.100.1', note: '' },
  }));
  await fleet.observe(watch, seen, now);
}

function create(id = newRelayId(region, T0, randomInt), now = T0 + 100) {
  const request = { id, tenant: 'acme', region, labels: { a: 'b' }, leaseSeconds: 60, maxLifetimeSeconds: 86_400, now };
  return front.create(request);
}

test('spares are asked for up to the target, whatever is already on its way', async () => {
  expect((await stock(3)).asked).toBe(3);
  expect((await stock(3)).asked).toBe(0);
  await bootAll();
  expect((await stock(5)).asked).toBe(2);
  expect((await front.inventory(region)).warmReady).toBe(3);
});

test('a call asks for, and gives up, no more spares than it has ids', async () => {
  const spares = async () => redis.zcard(`{aegis:${region}}:spares`);
  const counts: number[] = [];
  for (const target of [25, 25, 25, 25, 4, 4, 4, 4]) {
    await stock(target, T0, 10);
    counts.push(await spares());
  }
  expect(counts).toEqual([10, 20, 25, 25, 15, 5, 4, 4]);
});

test('a create gets a spare at once, under the spare’s id, and its retry gets the same one', async () => {
  await stock(2);
  await bootAll();
  const asked = newRelayId(region, T0, randomInt);
  const first = await create(asked);
  expect(first).toMatchObject({
    outcome: 'claimed',
    relay: {
      state: 'active',
      tenant: 'acme',
      labels: { a: 'b' },
      address: '198.51.100.1',
      leaseExpiresAt: T0 + 60_100,
    },
  });
  expect(first.moves.flatMap(relayOutcomes)).toEqual([{ kind: 'provision', status: 'ok', latencyMs: 0 }]);
  expect(await create(asked)).toMatchObject({ outcome: 'exists', relay: { id: first.relay.id }, moves: [] });
  expect(await front.list({ tenant: 'acme', regions: [region], limit: 9 })).toMatchObject({
    relays: [{ id: first.relay.id }],
  });
  expect(await fleet.untagged(region, 9)).toMatchObject([{ relayId: first.relay.id, tenant: 'acme' }]);
});

test('who asks for a type gets a spare of that type, or none', async () => {
  await stock(2);
  await bootAll();
  const request = {
    ...{ id: newRelayId(region, T0, randomInt), tenant: 'acme', region, labels: {}, leaseSeconds: 60 },
    ...{ maxLifetimeSeconds: 86_400, now: T0 + 100 },
  };
  const other = await front.create({ ...request, instanceType: 'c7g.large' });
  expect(other).toMatchObject({ outcome: 'created', relay: { instanceType: 'c7g.large' } });
  const id = newRelayId(region, T0, randomInt);
  const fitting = await front.create({ ...request, id, instanceType: 't3.micro' });
  expect(fitting).toMatchObject({ outcome: 'claimed', relay: { instanceType: 't3.micro', state: 'active' } });
  expect((await front.inventory(region)).warmReady).toBe(1);
});

test('no spare goes to two claimants, and an empty pool means a cold launch', async () => {
  await stock(20);
  await bootAll();
  const claims = await Promise.all(Array.from({ length: 50 }, () => create()));
  const outcomes = claims.map(({ outcome }) => outcome);
  expect(outcomes.filter((outcome) => outcome === 'claimed')).toHaveLength(20);
  expect(outcomes.filter((outcome) => outcome === 'created')).toHaveLength(30);
  expect(new Set(claims.map(({ relay }) => relay.id)).size).toBe(50);
});

test('a spare’s own provision is nobody’s request and counts nothing', async () => {
  const { moves } = await stock(1);
  expect(moves.flatMap(relayOutcomes)).toEqual([]);
});

test('surplus spares, and those too old, go away; a claimed one stays', async () => {
  await stock(3);
  await bootAll();
  const claimed = await create();
  const { moves } = await stock(1, T0 + 200);
  expect(moves).toMatchObject([{ to: 'terminating', reason: 'requested' }]);
  const fence = await fleet.beginRun(region, 'relay_expiry');
  const expired = await fleet.expireDue(fence, T0 + 3_600_001, 10);
  expect(expired.moves.map(({ relayId }) => relayId)).toHaveLength(2);
  expect((await stock(2, T0 + 3_600_002)).asked).toBe(2);
  expect(claimed.outcome).toBe('claimed');
});

test('a run that was overtaken stocks nothing', async () => {
  const stale = await fleet.beginRun(region, 'warm_pool');
  await fleet.beginRun(region, 'warm_pool');
  const pool = { now: T0, target: 1, maxAgeSeconds: 60, instanceTypes: ['t3.micro'], ids: ids(1) };
  await expect(fleet.stockWarmPool(stale, pool)).rejects.toMatchObject({ code: 'fenced' });
});

test('a list of what was created since a time holds a spare that was handed out after it', async () => {
  const aged = createRedisRelayStore({ redis, regions: [region], timing: TIMING, spareAgeMs: () => 3_600_000 });
  await stock(1);
  await bootAll();
  const { relay } = await create(newRelayId(region, T0 + 100, randomInt), T0 + 100);
  const since = (createdAfter: number) => aged.list({ tenant: 'acme', regions: [region], limit: 9, createdAfter });
  expect(await since(T0 + 50)).toMatchObject({ relays: [{ id: relay.id }] });
  expect(await since(T0 + 100)).toMatchObject({ relays: [] });
});

test('a store in doubt is asked for no spares: the end of the doubt would give them up', async () => {
  await redis.hset(`{aegis:${region}}:meta`, 'verified', 'another process');
  expect((await stock(3)).asked).toBe(0);
});
