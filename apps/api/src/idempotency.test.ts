import { connectTestRedis, keysOf, testRedisUrl } from '@aegis/local-stack';
import type { RedisClient } from '@aegis/relays';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startTestApi, type TestApi } from './testing/test-api.js';
import { KEYS } from './testing/test-config.js';

let api: TestApi;
let replica: TestApi;
let redis: RedisClient;

beforeAll(async () => {
  const url = testRedisUrl('api');
  redis = connectTestRedis();
  api = await startTestApi(url);
  replica = await startTestApi(url, {}, api.config);
});
afterAll(async () => {
  await Promise.all([api.stop(), replica.stop()]);
  await redis.quit();
});

let keys = 0;
const newKey = () => `key ${++keys} "of" ${process.pid}?`;

function create(key: string, body?: unknown, options: { on?: TestApi; as?: string } = {}) {
  const headers = { 'idempotency-key': key };
  return (options.on ?? api).ask('POST', '/api/v1/relays', { headers, body, key: options.as ?? KEYS.acme });
}

test('fifty duplicates at once, over two replicas, make one relay; one answer is the first', async () => {
  const key = newKey();
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, i) => create(key, { labels: { a: '1', b: '2' } }, { on: i % 2 ? api : replica })),
  );
  expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
  expect(answers.every(({ status }) => status === 202)).toBe(true);
  const first = answers.filter(({ headers }) => headers.get('idempotent-replayed') === null);
  expect(first).toHaveLength(1);
  const listed = await api.ask('GET', '/api/v1/relays?limit=200');
  expect(listed.body.relays).toHaveLength(1);
});

test('a replay answers the relay as it is now', async () => {
  const key = newKey();
  const { body } = await create(key);
  await api.ask('DELETE', `/api/v1/relays/${body.id}`);
  const replay = await create(key);
  expect(replay).toMatchObject({ status: 202, body: { id: body.id, state: 'terminated' } });
  expect(replay.headers.get('idempotent-replayed')).toBe('true');
  expect(replay.headers.get('location')).toBe(`/api/v1/relays/${body.id}`);
});

test('the same key with another body is refused; the order of its fields is no difference', async () => {
  const key = newKey();
  const { body } = await create(key, { leaseSeconds: 60, labels: { a: '1', b: '2' } });
  expect((await create(key, { labels: { b: '2', a: '1' }, leaseSeconds: 60 })).body.id).toBe(body.id);
  for (const other of [undefined, {}, { leaseSeconds: 60 }, { leaseSeconds: 61, labels: { a: '1', b: '2' } }]) {
    expect(await create(key, other)).toMatchObject({ status: 422, body: { code: 'idempotency_mismatch' } });
  }
});

test('no body and an empty one ask for the same', async () => {
  const key = newKey();
  expect((await create(key)).body.id).toBe((await create(key, {})).body.id);
});

test("a tenant's keys are its own", async () => {
  const key = newKey();
  const mine = await create(key);
  const theirs = await create(key, undefined, { as: KEYS.rival });
  expect(theirs.headers.get('idempotent-replayed')).toBeNull();
  expect(theirs.body.id).not.toBe(mine.body.id);
});

test('a crash between the claim and the create heals: the retry creates the relay under the claimed id', async () => {
  const key = newKey();
  const { body } = await create(key);
  // What such a crash leaves: the claim, and no relay.
  await redis.del(`{aegis:${api.region}}:relay:${body.id}`);
  expect((await api.ask('GET', `/api/v1/relays/${body.id}`)).status).toBe(404);
  const healed = await create(key);
  expect(healed).toMatchObject({ status: 202, body: { id: body.id, state: 'pending' } });
  expect(healed.headers.get('idempotent-replayed')).toBeNull();
});

test('claims do not outlive the records of their relays', async () => {
  const brief = await startTestApi(api.config.redisUrl, { retentionSeconds: 60 });
  try {
    await create(newKey(), undefined, { on: brief });
    const tenant = brief.config.api.keys[0]?.tenant;
    const [claim = ''] = await keysOf(redis, `{aegis:tenant:${tenant}}:*`);
    expect(await redis.ttl(claim)).toBeGreaterThan(0);
    expect(await redis.ttl(claim)).toBeLessThanOrEqual(60);
  } finally {
    await brief.stop();
  }
});

/** A header as a client that speaks UTF-8 sends it. */
const utf8 = (text: string): string => Buffer.from(text).toString('latin1');

test.each([
  ['', 'empty'],
  ['x'.repeat(256), 'too long'],
  [utf8('\u{1f680}'.repeat(256)), 'too long, counted in characters'],
  ['a\tb', 'a control character'],
  [utf8('a\u0085b'), 'a control character of two bytes'],
  ['a\u0085b', 'a control character of Latin-1'],
  [utf8('a\u2028b'), 'a line separator'],
  [utf8('a\uffffb'), 'no character at all'],
  ['\u00ed\u00a0\u0080', 'half of a surrogate pair, which is no UTF-8 and in Latin-1 a control'],
])('a key that is not 1 to 255 printable characters is refused (%#)', async (key) => {
  expect(await create(key)).toMatchObject({ status: 400, body: { code: 'invalid_header' } });
});

test.each([
  ['~'.repeat(255)],
  [utf8('\u{1f680}'.repeat(255))],
  [utf8('commande n\u00b0 7 caf\u00e9')],
  [utf8('\u6ce8\u6587-\u0417\u0430\u043a\u0430\u0437-\u{1f469}\u200d\u{1f680}')],
  ['Latin-1 caf\u00e9'],
])('any printable text is taken, and its repeat is a replay (%#)', async (key) => {
  const { status, body } = await create(key);
  expect(status).toBe(202);
  const replay = await create(key);
  expect(replay.body.id).toBe(body.id);
  expect(replay.headers.get('idempotent-replayed')).toBe('true');
});

test('keys of different bytes are different keys, even where they read the same', async () => {
  const stem = newKey();
  const alike = [
    utf8('\u00e9'),
    utf8('e\u0301'),
    '\u00e9',
    'e',
    utf8('\u00c3\u00a9'),
    '?',
    utf8('\ufffd'),
    utf8('\ufeff'),
  ];
  const answers = await Promise.all(alike.map((end) => create(stem + end)));
  expect(answers.map(({ status }) => status)).toEqual(alike.map(() => 202));
  expect(new Set(answers.map(({ body }) => body.id)).size).toBe(alike.length);
});
