import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startTestApi, type TestApi } from './testing/test-api.js';
import { KEYS, testConfig } from './testing/test-config.js';

let api: TestApi;
let tenant: string;

beforeAll(async () => {
  const url = process.env.AEGIS_TEST_REDIS_URL ?? '';
  const config = testConfig(url, {});
  const regions = config.regions.map((region) => ({ ...region, maxRelays: 8 }));
  api = await startTestApi(url, {}, { ...config, regions, quotas: { tenantRelays: 5, launchWindowSeconds: 3600 } });
  tenant = api.config.api.keys.find(({ name }) => name === 'acme')?.tenant ?? '';
});
afterAll(() => api.stop());

const create = (key: string = KEYS.acme, body = {}) => api.ask('POST', '/api/v1/relays', { key, body });
const setQuota = (quota: unknown, of = tenant) =>
  api.ask('PUT', `/api/v1/admin/tenants/${of}/quota`, { key: KEYS.operator, body: quota });

test('fifty creates at once end with exactly as many relays as the tenant may have; the refusal names the limit', async () => {
  const answers = await Promise.all(Array.from({ length: 50 }, () => create()));
  expect(answers.filter(({ status }) => status === 202)).toHaveLength(5);
  const refused = answers.find(({ status }) => status === 429);
  expect(refused?.body).toMatchObject({
    code: 'limit_reached',
    detail: `The limit in ${api.region} is 5 live relays of one tenant in this region.`,
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
  expect((await api.ask('POST', '/api/v1/relays', { headers })).body.id).toBe(created.body.id);
});

test('the region is limited over all tenants, and auto goes where there is room', async () => {
  const answers = await Promise.all(Array.from({ length: 5 }, () => create(KEYS.rival)));
  expect(answers.filter(({ status }) => status === 202)).toHaveLength(3);
  expect(answers.find(({ status }) => status === 429)?.body.limit).toEqual({ name: 'region_relays', value: 8 });
  expect((await create(KEYS.rival, { region: 'auto' })).body.region).toBe(api.config.regions[1]?.name);
});

test('an operator gives a tenant limits of its own, and reads what it has', async () => {
  const other = api.config.regions[1]?.name;
  const set = await setQuota({ relays: 1, launches: null });
  expect(set.body).toEqual({
    tenant,
    regions: [
      { region: api.region, relays: 1, launches: null, live: 5 },
      { region: other, relays: 1, launches: null, live: 0 },
    ],
  });
  expect((await create(KEYS.acme, { region: other })).status).toBe(202);
  expect((await create(KEYS.acme, { region: other })).body.limit).toEqual({ name: 'tenant_relays', value: 1 });
  await setQuota({ relays: 100, launches: 1 });
  expect((await create(KEYS.acme, { region: other })).status).toBe(202);
  const spent = await create(KEYS.acme, { region: other });
  expect(spent.body.limit).toEqual({ name: 'tenant_launches', value: 1 });
  expect(Number(spent.headers.get('retry-after'))).toBeGreaterThan(0);
  await setQuota({ relays: null, launches: null });
  const read = await api.ask('GET', `/api/v1/admin/tenants/${tenant}/quota`, { key: KEYS.operator });
  expect(read.body.regions[1]).toEqual({ region: other, relays: null, launches: null, live: 2 });
});

test('what is no tenant has no quota', async () => {
  expect(await setQuota({ relays: 1, launches: 1 }, 'No Tenant')).toMatchObject({
    status: 400,
    body: { code: 'invalid_path', errors: [{ name: 'tenant' }] },
  });
  expect((await setQuota({ relays: -1, launches: 1 })).body.code).toBe('invalid_body');
});
