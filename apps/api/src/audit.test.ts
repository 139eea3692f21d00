import { testRedisUrl, waitFor } from '@aegis/local-stack';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startTestApi, type TestApi } from './testing/test-api.js';
import { KEYS } from './testing/test-config.js';

let api: TestApi;
let tenant: string;

beforeAll(async () => {
  api = await startTestApi(testRedisUrl('api'));
  tenant = api.config.api.keys.find(({ name }) => name === 'acme')?.tenant ?? '';
});
afterAll(() => api.stop());

/** The entry of one call: it is written when the answer has left, and other tests write into the same log. */
async function entryOf(requestId: string) {
  return waitFor(`the entry of ${requestId}`, 15_000, async () => {
    const { body } = await api.ask('GET', '/api/v1/admin/audit?limit=200', { key: KEYS.operator });
    return body.entries.find((each: { requestId: string }) => each.requestId === requestId);
  });
}

const idOf = ({ headers }: { headers: Headers }) => headers.get('x-request-id') ?? '';

test('tells who did what to what, when, from where, and how it went', async () => {
  const before = Date.now();
  const created = await api.ask('POST', '/api/v1/relays');
  const entry = await entryOf(idOf(created));
  expect(entry).toMatchObject({
    operation: 'createRelay',
    target: created.body.id,
    tenant,
    keyName: 'acme',
    keyId: null,
    address: '127.0.0.1',
    status: 202,
    code: null,
  });
  expect(Date.parse(entry.time)).toBeGreaterThanOrEqual(before);
  const gone = await api.ask('DELETE', '/api/v1/relays/rly_none', { key: KEYS.writer });
  expect(await entryOf(idOf(gone))).toMatchObject({
    operation: 'deleteRelay',
    target: 'rly_none',
    keyName: 'writer',
    status: 404,
    code: 'relay_not_found',
  });
});

test('tells what a key tried that it may not', async () => {
  const refused = await api.ask('PUT', '/api/v1/admin/freeze', { key: KEYS.acme, body: {} });
  expect(await entryOf(idOf(refused))).toMatchObject({
    operation: 'setFreeze',
    status: 403,
    code: 'insufficient_scope',
  });
});

test('holds no secret, and nothing of reads and of strangers', async () => {
  const body = { name: 'audited', tenant, scopes: ['relays:read'] };
  const issued = await api.ask('POST', '/api/v1/admin/keys', { key: KEYS.operator, body });
  const used = await api.ask('GET', '/api/v1/relays', { key: issued.body.key });
  const stranger = await api.ask('POST', '/api/v1/relays', { key: 'stranger' });
  expect(await entryOf(idOf(issued))).toMatchObject({ operation: 'createKey', target: issued.body.record.id });
  const log = JSON.stringify((await api.ask('GET', '/api/v1/admin/audit?limit=200', { key: KEYS.operator })).body);
  expect(log).not.toContain(issued.body.key);
  expect(log).not.toContain(idOf(used));
  expect(log).not.toContain(idOf(stranger));
});

test('is read in pages', async () => {
  await entryOf(idOf(await api.ask('POST', '/api/v1/relays')));
  await entryOf(idOf(await api.ask('POST', '/api/v1/relays')));
  const read = async (query: string) =>
    (await api.ask('GET', `/api/v1/admin/audit?${query}`, { key: KEYS.operator })).body;
  const first = await read('limit=1');
  const second = await read(`limit=1&cursor=${first.nextCursor}`);
  expect(second.entries[0].requestId).not.toBe(first.entries[0].requestId);
  expect(Date.parse(second.entries[0].time)).toBeLessThanOrEqual(Date.parse(first.entries[0].time));
  expect((await read('cursor=x')).code).toBe('invalid_cursor');
});
