import { testRedisUrl, waitFor } from '@aegis/local-stack';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startTestApi, type TestApi } from './testing/test-api.js';
import { KEYS, testConfig } from './testing/test-config.js';

let api: TestApi;
/** Of the same stores. */
let replica: TestApi;
let tenant: string;

beforeAll(async () => {
  const url = testRedisUrl('api');
  const config = testConfig(url, {});
  const regions = config.regions.map((region) => ({ ...region, maxRelays: 8 }));
  api = await startTestApi(url, {}, { ...config, regions, quotas: { tenantRelays: 5, launchWindowSeconds: 3600 } });
  replica = await startTestApi(url, {}, api.config);
  tenant = api.config.api.keys.find(({ name }) => name === 'acme')?.tenant ?? '';
});
afterAll(() => Promise.all([api.stop(), replica.stop()]));

const create = (key: string = KEYS.acme, body = {}) => api.ask('POST', '/api/v1/relays', { key, body });
const setQuota = (quota: unknown, of = tenant) =>
  api.ask('PUT', `/api/v1/admin/tenants/${of}/quota`, { key: KEYS.operator, body: quota });

test('fifty creates at once, in all regions and on all replicas, end with exactly as many relays as the tenant may have', async () => {
  const other = api.config.regions[1]?.name;
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, i) =>
      (i % 3 ? api : replica).ask('POST', '/api/v1/relays', { body: i % 2 ? {} : { region: other } }),
    ),
  );
  expect(answers.filter(({ status }) => status === 202)).toHaveLength(5);
  const refused = answers.find(({ status }) => status === 429);
  expect(refused?.body).toMatchObject({
    code: 'limit_reached',
    detail: 'The limit is 5 live relays of one tenant over all regions.',
    limit: { name: 'tenant_relays', value: 5 },
  });
  expect((await api.ask('GET', '/api/v1/relays?limit=200')).body.relays).toHaveLength(5);
});

test('a refused create may be repeated under its key once there is room', async () => {
  const headers = { 'idempotency-key': 'refused-first' };
  expect((await api.ask('POST', '/api/v1/relays', { headers })).status).toBe(429);
  const { relays } = (await api.ask('GET', '/api/v1/relays')).body;
  await api.ask('DELETE', `/api/v1/relays/${relays[0].id}`);
  const created = await api.ask('POST', '/api/v1/relays', { headers });
  expect(created.status).toBe(202);
  const replay = await replica.ask('POST', '/api/v1/relays', { headers });
  expect(replay).toMatchObject({ status: 202, body: { id: created.body.id } });
  expect(replay.headers.get('idempotent-replayed')).toBe('true');
});

test('the region is limited over all tenants, and auto goes where there is room', async () => {
  await setQuota({ relays: 100, launches: null });
  await waitFor('the region to be full', 15_000, async () => (await create()).status !== 202);
  const refused = await create(KEYS.rival);
  expect(refused.body).toMatchObject({ limit: { name: 'region_relays', value: 8 } });
  expect((await create(KEYS.rival, { region: 'auto' })).body.region).toBe(api.config.regions[1]?.name);
});

test('an operator gives a tenant limits of its own, and reads what it has', async () => {
  const other = api.config.regions[1]?.name;
  const all = (await api.ask('GET', '/api/v1/relays?limit=200')).body.relays;
  await Promise.all(all.map(({ id }: { id: string }) => api.ask('DELETE', `/api/v1/relays/${id}`)));
  const set = await setQuota({ relays: 2, relaysPerRegion: 1, launches: null });
  expect(set.body).toEqual({
    ...{ tenant, relays: 2, relaysPerRegion: 1, launches: null, live: 0 },
    regions: api.config.regions.map(({ name }) => ({ region: name, live: 0 })),
  });
  expect((await create()).status).toBe(202);
  expect((await create()).body.limit).toEqual({ name: 'tenant_region_relays', value: 1 });
  expect((await create(KEYS.acme, { region: other })).status).toBe(202);
  expect((await create(KEYS.acme, { region: other })).body.limit).toEqual({ name: 'tenant_relays', value: 2 });
  await setQuota({ relays: 100, launches: 1 });
  expect((await create()).status).toBe(202);
  const spent = await create(KEYS.acme, { region: other });
  expect(spent.body.limit).toEqual({ name: 'tenant_launches', value: 1 });
  expect(Number(spent.headers.get('retry-after'))).toBeGreaterThan(0);
  const read = await replica.ask('GET', `/api/v1/admin/tenants/${tenant}/quota`, { key: KEYS.operator });
  expect(read.body).toMatchObject({ relays: 100, relaysPerRegion: null, launches: 1, live: 3 });
});

test('what one replica is told, all know within a second', async () => {
  // The quickest of three: a single one also waits for the processors that this test shares with others.
  const tookMs: number[] = [];
  for (const relays of [0, 1, 2]) {
    await setQuota({ relays, launches: null });
    const toldAt = performance.now();
    await waitFor(`the limit of ${relays}`, 15_000, async () => {
      const { body } = await replica.ask('POST', '/api/v1/relays');
      return body.limit?.name === 'tenant_relays' && body.limit.value === relays;
    });
    tookMs.push(performance.now() - toldAt);
  }
  expect(Math.min(...tookMs)).toBeLessThan(1_000);
  await setQuota({ relays: null, launches: null });
});

test('what is no tenant has no quota', async () => {
  expect(await setQuota({ relays: 1, launches: 1 }, 'No Tenant')).toMatchObject({
    status: 400,
    body: { code: 'invalid_path', errors: [{ name: 'tenant' }] },
  });
  expect((await setQuota({ relays: -1, launches: 1 })).body.code).toBe('invalid_body');
});
