import { connectTestRedis, monitorAll, testRedisUrl, waitFor } from '@aegis/local-stack';
import type { RedisClient } from '@aegis/relays';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startTestApi, type TestApi } from './testing/test-api.js';
import { KEYS } from './testing/test-config.js';

const url = testRedisUrl('api');
let api: TestApi;
let replica: TestApi;
let redis: RedisClient;

beforeAll(async () => {
  redis = connectTestRedis();
  api = await startTestApi(url);
  replica = await startTestApi(url, {}, api.config);
});
afterAll(async () => {
  await Promise.all([api.stop(), replica.stop(), redis.quit()]);
});

const admin = (method: string, path: string, body?: unknown) =>
  api.ask(method, `/api/v1/admin/keys${path}`, { key: KEYS.operator, body });
const issue = async (more: object = {}) =>
  (await admin('POST', '', { name: 'billing', tenant: 'billing', scopes: ['relays:read'], ...more })).body;
const statusOn = async (at: TestApi, key: string) => (await at.ask('GET', '/api/v1/relays', { key })).status;

/** How long until a replica that knows the key answers otherwise. */
async function untilStatus(at: TestApi, key: string, status: number): Promise<number> {
  const startedAt = performance.now();
  await waitFor(`answers ${status}`, 6_000, async () => (await statusOn(at, key)) === status);
  return performance.now() - startedAt;
}

/** A single one also waits for the processors that this test shares with others. */
async function quickestOfThree(measure: () => Promise<number>): Promise<number> {
  return Math.min(await measure(), await measure(), await measure());
}

test('a key is shown once, opens what it may, and is stored only as a salted hash', async () => {
  const { key, record } = await issue();
  expect(key).toMatch(/^ak_[0-9a-z]{14}_[\w-]{51}$/);
  expect(record).toMatchObject({ name: 'billing', tenant: 'billing', scopes: ['relays:read'], revokedAt: null });
  expect(await statusOn(api, key)).toBe(200);
  expect(await statusOn(replica, key)).toBe(200);
  expect(JSON.stringify((await admin('GET', '')).body)).not.toContain(key);
  const stored = JSON.stringify(await redis.hgetall(`{aegis:keys}:key:${record.id}`));
  const secret = key.split('_').slice(2).join('_');
  expect(stored).not.toContain(secret.slice(0, 20));
  const twin = await issue();
  const [a, b] = await Promise.all(
    [record.id, twin.record.id].map((id) => redis.hget(`{aegis:keys}:key:${id}`, 'salt')),
  );
  expect(a).not.toBe(b);
});

test('a revoked key is good on no replica after a second', async () => {
  expect(
    await quickestOfThree(async () => {
      const { key, record } = await issue();
      await Promise.all([statusOn(api, key), statusOn(replica, key)]);
      expect((await admin('DELETE', `/${record.id}`)).body.revokedAt).not.toBeNull();
      return Math.max(await untilStatus(api, key, 401), await untilStatus(replica, key, 401));
    }),
  ).toBeLessThan(1_000);
});

test('a revoked key stays revoked', async () => {
  const { key, record } = await issue();
  expect(await statusOn(api, key)).toBe(200);
  const revoked = await admin('DELETE', `/${record.id}`);
  expect((await admin('DELETE', `/${record.id}`)).body).toEqual({ ...revoked.body, lastUsedAt: expect.anything() });
  expect(await admin('POST', `/${record.id}/rotate`)).toMatchObject({ status: 409, body: { code: 'key_revoked' } });
});

test('a stream ends when its key is revoked', async () => {
  const { key, record } = await issue({ tenant: api.config.api.keys[0]?.tenant, scopes: ['relays:read'] });
  const { id } = (await api.ask('POST', '/api/v1/relays')).body;
  const stream = await fetch(`${replica.url}/api/v1/relays/${id}/events`, {
    headers: { authorization: `Bearer ${key}`, accept: 'text/event-stream' },
  });
  expect(stream.status).toBe(200);
  const revokedAt = performance.now();
  await admin('DELETE', `/${record.id}`);
  await stream.text();
  expect(performance.now() - revokedAt).toBeLessThan(5_000);
});

test('a rotated key has a new secret; the one before is good for as long as it was granted', async () => {
  const rotateTwice = async () => {
    const { key, record } = await issue();
    const rotated = (await admin('POST', `/${record.id}/rotate`, { graceSeconds: 600 })).body;
    expect(rotated.record.id).toBe(record.id);
    expect([await statusOn(api, key), await statusOn(api, rotated.key)]).toEqual([200, 200]);
    const last = (await admin('POST', `/${record.id}/rotate`)).body;
    const tookMs = await untilStatus(api, rotated.key, 401);
    expect([await statusOn(api, key), await statusOn(api, last.key)]).toEqual([401, 200]);
    return tookMs;
  };
  expect(await quickestOfThree(rotateTwice)).toBeLessThan(1_000);
});

test('of two rotations at once the later one holds, and both answers were good', async () => {
  const { record } = await issue();
  const rotate = () => admin('POST', `/${record.id}/rotate`, { graceSeconds: 600 });
  const [a, b] = await Promise.all([rotate(), rotate()]);
  expect([await statusOn(api, a.body.key), await statusOn(api, b.body.key)]).toEqual([200, 200]);
});

test('a key ends when it expires, and when it was last used can be read', async () => {
  const { key, record } = await issue({ expiresAt: new Date(Date.now() + 400).toISOString() });
  expect((await admin('GET', `/${record.id}`)).body.lastUsedAt).toBeNull();
  expect(await statusOn(api, key)).toBe(200);
  await untilStatus(api, key, 401);
  expect(Date.parse((await admin('GET', `/${record.id}`)).body.lastUsedAt)).toBeGreaterThan(
    Date.parse(record.createdAt) - 1,
  );
});

test('keys are listed in pages, newest first', async () => {
  const ids = [(await issue()).record.id, (await issue()).record.id, (await issue()).record.id];
  const seen: string[] = [];
  let cursor: string | null = null;
  do {
    const page: { keys: { id: string }[]; nextCursor: string | null } = (
      await admin('GET', `?limit=2${cursor ? `&cursor=${cursor}` : ''}`)
    ).body;
    seen.push(...page.keys.map(({ id }) => id));
    cursor = page.nextCursor;
  } while (cursor !== null);
  expect(seen).toEqual(seen.toSorted().reverse());
  for (const id of ids) expect(seen).toContain(id);
  expect((await admin('GET', '?cursor=zzz')).body.code).toBe('invalid_cursor');
});

test.each(['/nonsense', `/${'0'.repeat(14)}`, '/__proto__'])('%s is no key', async (path) => {
  expect(await admin('GET', path)).toMatchObject({ status: 404, body: { code: 'key_not_found' } });
  expect((await admin('POST', `${path}/rotate`)).status).toBe(404);
  expect((await admin('DELETE', path)).status).toBe(404);
});

test('what was never issued does not reach the store', async () => {
  const monitors = await monitorAll(redis);
  const seen: string[] = [];
  for (const monitor of monitors) {
    monitor.on('monitor', (_time: string, args: string[]) => seen.push(args.join(' ')));
  }
  const { key } = await issue();
  const forged = `${key.slice(0, -1)}${key.endsWith('A') ? 'B' : 'A'}`;
  const id = forged.split('_')[1] ?? '';
  seen.length = 0;
  expect(await statusOn(replica, forged)).toBe(401);
  expect(await statusOn(replica, key)).toBe(200);
  expect(seen.filter((command) => command.includes(`:key:${id}`))).toHaveLength(1);
  for (const monitor of monitors) monitor.disconnect();
});
