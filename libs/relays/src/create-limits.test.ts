import { randomInt } from 'node:crypto';
import { connectTestRedis } from '@aegis/local-stack';
import { afterAll, beforeEach, expect, test } from '@jest/globals';
import { createRedisRelayStore } from './redis-relay-store.js';
import { newRelayId } from './relay-id.js';
import { type CreateLimits, LimitReachedError, type RelayFrontStore } from './relay-store.js';
import { relayTiming } from './relay-timing.js';

const redis = connectTestRedis('api');
const timing = relayTiming({
  pendingTimeoutSeconds: 900,
  bootTimeoutSeconds: 300,
  heartbeatTimeoutSeconds: 60,
  readiness: 'checkin',
});
const T0 = 1_800_000_000_000;

let region: string;
let store: RelayFrontStore;

beforeEach(() => {
  region = `xx-limits${randomInt(1e9)}-1`;
  store = createRedisRelayStore({ redis, regions: [region], timing });
});
afterAll(async () => {
  await redis.quit();
});

async function create(limits: CreateLimits, tenant = 't', now = T0, id = newRelayId(region, now, randomInt)) {
  try {
    const relay = { id, tenant, region, labels: { a: 'b' }, leaseSeconds: 600, maxLifetimeSeconds: 600, now };
    return { id, ...(await store.create({ ...relay, limits })) };
  } catch (error) {
    if (error instanceof LimitReachedError) return error;
    throw error;
  }
}

const created = (results: unknown[]) => results.filter((result) => !(result instanceof LimitReachedError)).length;

test("a tenant's live relays of a region are limited, however many ask at once, and an ended one makes room", async () => {
  const limits = { tenantRegionRelays: 7 };
  const results = await Promise.all(Array.from({ length: 50 }, () => create(limits)));
  expect(created(results)).toBe(7);
  expect(await create(limits)).toMatchObject({ limit: 'tenant_region_relays', value: 7, retryAfterMs: null });
  expect(await create(limits, 'other')).toMatchObject({ outcome: 'created' });
  expect(await store.liveOf(region, 't')).toBe(7);
  const first = results.find((result) => 'relay' in result);
  await store.requestTermination(first && 'relay' in first ? first.relay.id : '', { tenant: 't', now: T0 });
  expect(created(await Promise.all([create(limits), create(limits)]))).toBe(1);
});

test('a region is limited over all tenants', async () => {
  const tenants = ['a', 'b', 'c'];
  const results = await Promise.all(Array.from({ length: 30 }, (_, i) => create({ regionRelays: 4 }, tenants[i % 3])));
  expect(created(results)).toBe(4);
  expect(await create({ regionRelays: 4 })).toMatchObject({ limit: 'region_relays', value: 4 });
});

test('a repeated create is never refused', async () => {
  const { id } = (await create({ tenantRegionRelays: 1 })) as { id: string };
  expect(await create({ tenantRegionRelays: 1, regionRelays: 1 }, 't', T0, id)).toMatchObject({ outcome: 'exists' });
});
