import { testRedisUrl } from '@aegis/local-stack';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { Cluster, Redis } from 'ioredis';
import { startTestApi, type TestApi } from './testing/test-api.js';
import { KEYS } from './testing/test-config.js';

let api: TestApi;
let tenant: string;

beforeAll(async () => {
  api = await startTestApi(testRedisUrl('api'));
  tenant = api.config.api.keys.find(({ name }) => name === 'acme')?.tenant ?? '';
});
afterAll(() => api.stop());

/** The entry of one call that has been answered; undefined when there is none. Other tests write into the same log. */
async function entryOf(requestId: string) {
  const { body } = await api.ask('GET', '/api/v1/admin/audit?limit=200', { key: KEYS.operator });
  return body.entries.find((each: { requestId: string }) => each.requestId === requestId);
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

/** Runs something while no entry reaches the store, until it calls for their release. */
async function holdingEntries(run: (release: () => void) => Promise<void>): Promise<void> {
  let release = (): void => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const held = [Redis.prototype, Cluster.prototype].map((client) => {
    const { xadd } = client;
    return jest.spyOn(client, 'xadd').mockImplementation(async function (
      this: Redis,
      ...entry: Parameters<typeof xadd>
    ) {
      await released;
      return xadd.apply(this, entry);
    } as typeof xadd);
  });
  try {
    await run(release);
  } finally {
    release();
    for (const spy of held) spy.mockRestore();
  }
}

test('an entry is stored before its call is answered', async () => {
  const answered: number[] = [];
  const ask = async (method: string, path: string, body?: object): Promise<void> => {
    answered.push((await api.ask(method, path, { ...(body && { body }) })).status);
  };
  await holdingEntries(async (release) => {
    const calls = [
      ask('POST', '/api/v1/relays', { labels: { audited: 'yes' } }),
      ask('DELETE', '/api/v1/relays/rly_none'),
    ];
    // What changes nothing is answered beside them, and what they asked for is done.
    let relays: unknown[] = [];
    while (relays.length === 0) ({ relays } = (await api.ask('GET', '/api/v1/relays?label=audited')).body);
    expect(answered).toEqual([]);
    release();
    await Promise.all(calls);
    expect(answered.toSorted()).toEqual([202, 404]);
  });
});

test('a create that waits for its relay has its entry before it waits', async () => {
  const headers = { prefer: 'wait=60', 'x-request-id': `waiting-${tenant}` };
  const waiting = api.ask('POST', '/api/v1/relays', { headers, body: { labels: { waits: 'yes' } } });
  let entry: { target: string } | undefined;
  while (entry === undefined) entry = await entryOf(headers['x-request-id']);
  expect(entry).toMatchObject({ operation: 'createRelay', status: 202, code: null });
  await api.ask('DELETE', `/api/v1/relays/${entry.target}`);
  expect((await waiting).body.id).toBe(entry.target);
});

test('an entry that finds no store is kept in the log, and its call is answered', async () => {
  const refuse = [Redis.prototype, Cluster.prototype].map((client) =>
    jest.spyOn(client, 'xadd').mockRejectedValue(new Error('OOM command not allowed')),
  );
  try {
    const requestId = idOf(await api.ask('POST', '/api/v1/relays'));
    const entry = expect.objectContaining({ requestId, operation: 'createRelay', status: 202 });
    expect(api.records()).toContainEqual(
      expect.objectContaining({ level: 'warn', message: 'audit entry not stored', entry }),
    );
  } finally {
    for (const spy of refuse) spy.mockRestore();
  }
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
