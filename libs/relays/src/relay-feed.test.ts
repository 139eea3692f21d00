import { randomInt } from 'node:crypto';
import { connectTestRedis } from '@aegis/local-stack';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createRedisRelayStore } from './redis-relay-store.js';
import { createRelayFeed, type RelayFeed } from './relay-feed.js';
import { newRelayId } from './relay-id.js';
import { relayTiming } from './relay-timing.js';

const region = `xx-feed${randomInt(1e9)}-1`;
const redis = connectTestRedis('api');
const subscriber = connectTestRedis('api');
const store = createRedisRelayStore({
  redis,
  regions: [region],
  timing: relayTiming({
    pendingTimeoutSeconds: 900,
    bootTimeoutSeconds: 300,
    heartbeatTimeoutSeconds: 60,
    readiness: 'checkin',
  }),
});
const never = new AbortController().signal;
let feed: RelayFeed;

beforeAll(async () => {
  feed = createRelayFeed({ subscriber, regions: [region] });
  await feed.start();
});
afterAll(async () => {
  await Promise.all([redis.quit(), subscriber.quit()]);
});

async function create(): Promise<string> {
  const id = newRelayId(region, Date.now(), randomInt);
  const relay = { id, region, tenant: 't', labels: {}, leaseSeconds: 60, maxLifetimeSeconds: 60, now: Date.now() };
  const created = feed.watch(id);
  await store.create(relay);
  await created.changed(10_000, never);
  created.close();
  return id;
}

test('who watches a relay hears of its changes, and of no other relay’s', async () => {
  const [mine, other] = [await create(), await create()];
  const [watch, otherWatch] = [feed.watch(mine), feed.watch(other)];
  const heard = watch.changed(10_000, never);
  await store.requestTermination(mine, { tenant: 't', now: Date.now() });
  expect(await heard).toBe(true);
  expect(await otherWatch.changed(1, never)).toBe(false);
  expect(await watch.changed(1, never)).toBe(false);
});

test('a change between two questions is not missed', async () => {
  const id = await create();
  const watch = feed.watch(id);
  const second = feed.watch(id);
  await store.requestTermination(id, { tenant: 't', now: Date.now() });
  expect(await second.changed(10_000, never)).toBe(true);
  expect(await watch.changed(10_000, never)).toBe(true);
});

test('a question ends with its signal, and a closed watch hears nothing', async () => {
  const id = await create();
  const watch = feed.watch(id);
  const abort = new AbortController();
  const heard = watch.changed(60_000, abort.signal);
  abort.abort();
  expect(await heard).toBe(false);
  const open = feed.watch(id);
  watch.close();
  await store.requestTermination(id, { tenant: 't', now: Date.now() });
  expect(await open.changed(10_000, never)).toBe(true);
  expect(await watch.changed(1, never)).toBe(false);
});

test('after a broken connection everybody looks again, and hears as before', async () => {
  const id = await create();
  const watch = feed.watch(id);
  const heard = watch.changed(10_000, never);
  subscriber.disconnect(true);
  expect(await heard).toBe(true);
  const next = watch.changed(10_000, never);
  await store.requestTermination(id, { tenant: 't', now: Date.now() });
  expect(await next).toBe(true);
});
