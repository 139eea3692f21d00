import { randomInt } from 'node:crypto';
import { afterAll, beforeEach, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { createRedisRelayStore } from './redis-relay-store.js';
import { newRelayId } from './relay-id.js';
import { type CreateLimits, LimitReachedError, type RelayFrontStore } from './relay-store.js';
import { relayTiming } from './relay-timing.js';

const redis = new Redis(process.env.AEGIS_TEST_REDIS_URL ?? '');
const timing = relayTiming({
  pendingTimeoutSeconds: 900,
  bootTimeoutSeconds: 300,
  heartbeatTimeoutSeconds: 60,
  readiness: 'checkin',
});
const T0 = 1_800_000_000_000;
const WINDOW = 60_000;

let region: string;
let store: RelayFrontStore;

beforeEach(() => {
  region = `xx-limits${randomInt(1e9)}-1`;
  store = createRedisRelayStore({ redis, regions: [region], timing });
});
afterAll(async () => {
  await redis.quit();
});

async function create(limits: Partial<CreateLimits>, tenant = 't', now = T0, id = newRelayId(region, now, randomInt)) {
  try {
    const result = await store.create({
      id,
      tenant,
      region,
      labels: { a: 'b' },
      leaseSeconds: 600,
      maxLifetimeSeconds: 600,
      now,
      limits: { launchWindowMs: WINDOW, ...limits },
    });
    return { id, ...result };
  } catch (error) {
    if (error instanceof LimitReachedError) return error;
    throw error;
  }
}

const created = (results: unknown[]) => results.filter((result) => !(result instanceof LimitReachedError)).length;

test("a tenant's live relays are limited, however many ask at once, and an ended one makes room", async () => {
  const results = await Promise.all(Array.from({ length: 50 }, () => create({ tenantRelays: 7 })));
  expect(created(results)).toBe(7);
  expect(await create({ tenantRelays: 7 })).toMatchObject({ limit: 'tenant_relays', value: 7, retryAfterMs: null });
  expect(await create({ tenantRelays: 7 }, 'other')).toMatchObject({ outcome: 'created' });
  expect(await store.quota(region, 't')).toEqual({ relays: null, launches: null, live: 7 });
  const first = results.find((result) => 'relay' in result);
  await store.requestTermination(first && 'relay' in first ? first.relay.id : '', { tenant: 't', now: T0 });
  expect(created(await Promise.all([create({ tenantRelays: 7 }), create({ tenantRelays: 7 })]))).toBe(1);
});

test('a region is limited over all tenants', async () => {
  const tenants = ['a', 'b', 'c'];
  const results = await Promise.all(Array.from({ length: 30 }, (_, i) => create({ regionRelays: 4 }, tenants[i % 3])));
  expect(created(results)).toBe(4);
  expect(await create({ regionRelays: 4 })).toMatchObject({ limit: 'region_relays', value: 4 });
});

test('what a tenant may ask for in a window is limited, whatever became of it, until the next window', async () => {
  const results = await Promise.all(Array.from({ length: 10 }, () => create({ tenantLaunches: 3 })));
  expect(created(results)).toBe(3);
  for (const result of results) {
    if ('relay' in result) await store.requestTermination(result.relay.id, { tenant: 't', now: T0 });
  }
  expect(await create({ tenantLaunches: 3 }, 't', T0 + 15_000)).toMatchObject({
    limit: 'tenant_launches',
    value: 3,
    retryAfterMs: WINDOW - 15_000,
  });
  expect(await create({ tenantLaunches: 3 }, 't', T0 + WINDOW)).toMatchObject({ outcome: 'created' });
});

test("a tenant's own limits go before the configured ones, up or down, until they are taken back", async () => {
  await store.setQuota(region, 't', { relays: 2, launches: null });
  expect(created(await Promise.all(Array.from({ length: 5 }, () => create({ tenantRelays: 1 }))))).toBe(2);
  expect(await store.quota(region, 't')).toEqual({ relays: 2, launches: null, live: 2 });
  await store.setQuota(region, 't', { relays: 0, launches: 5 });
  expect(await create({})).toMatchObject({ limit: 'tenant_relays', value: 0 });
  await store.setQuota(region, 't', { relays: null, launches: null });
  expect(await create({})).toMatchObject({ outcome: 'created' });
});

test('a repeated create is never refused', async () => {
  const { id } = (await create({ tenantRelays: 1 })) as { id: string };
  expect(await create({ tenantRelays: 1, regionRelays: 1, tenantLaunches: 0 }, 't', T0, id)).toMatchObject({
    outcome: 'exists',
  });
});
