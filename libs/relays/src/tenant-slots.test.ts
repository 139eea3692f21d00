import { randomInt, randomUUID } from 'node:crypto';
import { connectTestRedis } from '@aegis/local-stack';
import { afterAll, beforeEach, expect, test } from '@jest/globals';
import { createRedisFleetStore } from './redis-fleet-store.js';
import { createRedisRelayStore } from './redis-relay-store.js';
import { newRelayId } from './relay-id.js';
import { LimitReachedError, type RelayFrontStore } from './relay-store.js';
import { relayTiming } from './relay-timing.js';
import { tenantKeys } from './tenant-keys.js';
import { createTenantSlots, type TenantSlots } from './tenant-slots.js';

const redis = connectTestRedis();
const apiRedis = connectTestRedis('api');
const jobsRedis = connectTestRedis('jobs');
const timing = relayTiming({
  pendingTimeoutSeconds: 900,
  bootTimeoutSeconds: 300,
  heartbeatTimeoutSeconds: 60,
  readiness: 'checkin',
});
const T0 = 1_800_000_000_000;
const LATER = T0 + 60_000;
const launchWindowMs = 60_000;

let regions: [string, string];
let tenant: string;
let store: RelayFrontStore;
let slots: TenantSlots;

beforeEach(async () => {
  const suffix = randomInt(1e9);
  regions = [`us-slots${suffix}-1`, `eu-slots${suffix}-1`];
  tenant = `t${suffix}`;
  store = createRedisRelayStore({ redis: apiRedis, regions, timing });
  slots = createTenantSlots({ redis: apiRedis, regions, newToken: randomUUID });
  await Promise.all(regions.map(verify));
});
afterAll(() => Promise.all([redis, apiRedis, jobsRedis].map((client) => client.quit())));

async function verify(region: string): Promise<void> {
  const fleet = createRedisFleetStore({ redis: jobsRedis, timing, newToken: randomUUID });
  const zero = { holdLeasesUntil: 0, holdHeartbeatsUntil: 0, instances: 0, orphans: 0, missing: 0 };
  const fence = await fleet.beginRun(region, 'orphan_sweep');
  const { doubted } = await fleet.beginSweep(fence, T0);
  await fleet.finishSweep(fence, { ...zero, now: T0, doubted, halted: false, marked: new Map() });
}

const newId = (at = 0) => newRelayId(regions[at % 2] ?? '', T0, randomInt);

async function take(id: string, relays: number | undefined, more: { launches?: number; now?: number } = {}) {
  const { launches, now = T0 } = more;
  try {
    return await slots.take(id, { tenant, limits: { relays, launches, launchWindowMs }, now });
  } catch (error) {
    if (error instanceof LimitReachedError) return error;
    throw error;
  }
}

async function create(id = newId()): Promise<string> {
  const region = regions.find((each) => id.includes(each.slice(0, 2))) ?? regions[0];
  const times = { leaseSeconds: 600, maxLifetimeSeconds: 600, now: T0 };
  await store.create({ id, tenant, region, labels: {}, ...times });
  return id;
}

const taken = (results: unknown[]) => results.filter((result) => !(result instanceof LimitReachedError)).length;
const held = () => redis.hkeys(tenantKeys(tenant).live);

test('over all regions no more slots are given than the limit, however many ask at once', async () => {
  const results = await Promise.all(Array.from({ length: 50 }, (_, i) => take(newId(i), 7)));
  expect(taken(results)).toBe(7);
  expect(results.find((each) => each instanceof LimitReachedError)).toMatchObject({ limit: 'tenant_relays', value: 7 });
});

test('what lived before there was a limit counts', async () => {
  await create(newId(0));
  await create(newId(1));
  await store.requestTermination(await create(newId(1)), { tenant, now: T0 });
  expect(taken(await Promise.all([take(newId(), 3), take(newId(), 3)]))).toBe(1);
});

test('a relay that ends frees its slot, whoever ends it', async () => {
  const id = newId();
  await take(id, 1);
  await create(id);
  expect(await take(newId(1), 1)).toBeInstanceOf(LimitReachedError);
  await store.requestTermination(id, { tenant, now: T0 });
  expect(await held()).toEqual([]);
  expect(taken([await take(newId(1), 1)])).toBe(1);
});

test('slots that crashes left behind are found out before a create is refused', async () => {
  const [ended, neverCreated] = [newId(), newId(1)];
  await take(ended, 2);
  await take(neverCreated, 2);
  await create(ended);
  await store.requestTermination(ended, { tenant, now: T0 });
  await redis.hset(tenantKeys(tenant).live, ended, `${T0.toString(36)}-lost`);
  expect(taken([await take(newId(), 2, { now: LATER })])).toBe(1);
  expect(await held()).toHaveLength(1);
});

test('a create that is under way keeps its slot', async () => {
  await take(newId(), 1);
  expect(await take(newId(1), 1, { now: T0 + 1_000 })).toBeInstanceOf(LimitReachedError);
});

test('what a store in doubt has forgotten keeps its slot', async () => {
  const id = newId();
  await take(id, 1);
  await create(id);
  const region = regions[0];
  await redis.del(`{aegis:${region}}:relay:${id}`, `{aegis:${region}}:meta`);
  expect(await take(newId(1), 1, { now: LATER })).toBeInstanceOf(LimitReachedError);
});

test('a slot goes back when its create comes to nothing, but not from under another create of the same id', async () => {
  const id = newId();
  const [first, second] = [await take(id, 1), await take(id, 1)];
  if (first instanceof LimitReachedError || second instanceof LimitReachedError) throw new Error('both have the slot');
  await slots.giveBack(first);
  expect(await held()).toEqual([id]);
  await slots.giveBack(second);
  expect(await held()).toEqual([]);
});

test('a spare takes over the slot of the relay that was asked for', async () => {
  const slot = await take(newId(), 1);
  if (slot instanceof LimitReachedError) throw slot;
  const spare = newId();
  await slots.handOver(slot, spare);
  expect(await held()).toEqual([spare]);
});

test('launches of a window are limited over all regions, whatever became of them, each id once', async () => {
  const ids = [newId(0), newId(1), newId(0)];
  for (const id of ids) await take(id, undefined, { launches: 3 });
  expect(taken([await take(ids[0] ?? '', undefined, { launches: 3 })])).toBe(1);
  expect(await take(newId(), undefined, { launches: 3, now: T0 + 15_000 })).toMatchObject({
    limit: 'tenant_launches',
    value: 3,
    retryAfterMs: launchWindowMs - 15_000,
  });
  expect(taken([await take(newId(), undefined, { launches: 3, now: T0 + launchWindowMs })])).toBe(1);
  expect(await held()).toEqual([]);
});
