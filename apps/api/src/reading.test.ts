import { testRedisUrl } from '@aegis/local-stack';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startTestApi, type TestApi } from './testing/test-api.js';

let api: TestApi;

beforeAll(async () => {
  api = await startTestApi(testRedisUrl('api'));
});
afterAll(() => api.stop());

const create = async (labels: Record<string, string>) =>
  (await api.ask('POST', '/api/v1/relays', { body: { labels } })).body;

describe('a list', () => {
  const list = async (query: string): Promise<string[]> =>
    (await api.ask('GET', `/api/v1/relays?${query}`)).body.relays.map((relay: { id: string }) => relay.id);

  test('is filtered by labels, all of which must match', async () => {
    const [blue, red, none] = [
      await create({ team: 'blue', tier: 'a=b' }),
      await create({ team: 'red', tier: 'c' }),
      await create({}),
    ];
    expect(await list('label=team=blue')).toEqual([blue.id]);
    expect((await list('label=team')).toSorted()).toEqual([blue.id, red.id].toSorted());
    expect(await list('label=tier=a%3Db')).toEqual([blue.id]);
    expect(await list('label=team=red&label=tier=c')).toEqual([red.id]);
    expect(await list('label=team=red&label=tier=a%3Db')).toEqual([]);
    expect(await list('label=team=')).toEqual([]);
    expect(await list('label=constructor')).toEqual([]);
    expect(await list('')).toContain(none.id);
  });

  test('is filtered by the time of creation, and pages of it stay filtered', async () => {
    const early = await create({ age: 'x' });
    while (Date.now() === Date.parse(early.createdAt));
    const [second, third] = [await create({ age: 'x' }), await create({ age: 'x' })];
    expect((await list(`label=age&createdAfter=${early.createdAt}`)).toSorted()).toEqual(
      [second.id, third.id].toSorted(),
    );
    expect(await list('createdAfter=2999-01-01T00:00:00Z')).toEqual([]);
    expect(await list('createdAfter=9999-12-31T23:59:59.999Z')).toEqual([]);
    expect(await list('label=age&createdAfter=1969-01-01T00:00:00Z')).toHaveLength(3);
    const page = await api.ask('GET', `/api/v1/relays?limit=1&createdAfter=${early.createdAt}`);
    const rest = await list(`limit=5&createdAfter=${early.createdAt}&cursor=${page.body.nextCursor}`);
    expect([page.body.relays[0].id, ...rest].toSorted()).toEqual([second.id, third.id].toSorted());
  });

  test.each(['label=', 'label==x', 'createdAfter=yesterday', 'createdAfter=2026-01-01', 'createdAfter=1'])(
    'with %s is refused',
    async (query) => {
      const answer = await api.ask('GET', `/api/v1/relays?${query}`);
      expect(answer).toMatchObject({ status: 400, body: { code: 'invalid_query' } });
    },
  );
});

describe('what was read before', () => {
  test('is not sent again until it changes', async () => {
    const { id } = await create({});
    for (const path of [`/api/v1/relays/${id}`, '/api/v1/relays?limit=1', `/api/v1/relays/${id}/events`]) {
      const first = await api.ask('GET', path);
      const etag = first.headers.get('etag') ?? '';
      expect(etag).toMatch(/^"[\w-]+"$/);
      expect(first.headers.get('cache-control')).toBe('private, no-cache');
      for (const known of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
        const again = await api.ask('GET', path, { headers: { 'if-none-match': known } });
        expect({ status: again.status, body: again.body, etag: again.headers.get('etag') }).toEqual({
          status: 304,
          body: '',
          etag,
        });
      }
      expect((await api.ask('GET', path, { headers: { 'if-none-match': '"other"' } })).status).toBe(200);
    }
    const path = `/api/v1/relays/${id}`;
    const before = (await api.ask('GET', path)).headers.get('etag') ?? '';
    await api.ask('POST', `${path}/renew`, { body: { leaseSeconds: 5 } });
    const after = await api.ask('GET', path, { headers: { 'if-none-match': before } });
    expect(after).toMatchObject({ status: 200, body: { leaseSeconds: 5 } });
  });
});
