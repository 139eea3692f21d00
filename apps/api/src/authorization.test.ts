import { API_KEY_SCOPES, type ApiKeyScope } from '@aegis/config';
import { testRedisUrl } from '@aegis/local-stack';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Route } from './http/route.js';
import { apiSettings } from './routes/api-settings.js';
import { createRouteTable } from './routes/route-table.js';
import type { Answer } from './testing/answer.js';
import { startTestApi, type TestApi } from './testing/test-api.js';
import { KEYS, testConfig } from './testing/test-config.js';

/** The table itself makes the cases: a route that is added is judged without anybody thinking of it. */
const url = testRedisUrl('api');
const config = testConfig(url, {});
const routes = createRouteTable(apiSettings(config));
const clientRoutes = routes.filter((route) => 'scope' in route);
const agentRoutes = routes.filter((route) => !('scope' in route));
const scopeOf = (route: Route): ApiKeyScope | null => ('scope' in route ? route.scope : null);
const named = (list: readonly Route[]): [string, Route][] =>
  list.map((route) => [`${route.method.toUpperCase()} ${route.path}`, route]);

let api: TestApi;
let relayId: string;
let keyId: string;
let tenant: string;
const keys = new Map<string, string>();

beforeAll(async () => {
  api = await startTestApi(url, {}, config);
  tenant = config.api.keys.find(({ name }) => name === 'acme')?.tenant ?? '';
  relayId = (await api.ask('POST', '/api/v1/relays')).body.id;
  for (const scope of API_KEY_SCOPES) {
    const others = API_KEY_SCOPES.filter((other) => other !== scope);
    keys.set(`only ${scope}`, (await newKey({ scopes: [scope] })).key);
    keys.set(`all but ${scope}`, (await newKey({ scopes: others })).key);
  }
  keys.set('of another tenant', (await newKey({ tenant: 'another', scopes: [...API_KEY_SCOPES] })).key);
  keys.set('expired', (await newKey({ expiresAt: new Date(Date.now() - 1).toISOString() })).key);
  const revoked = await newKey({});
  await api.ask('DELETE', `/api/v1/admin/keys/${revoked.record.id}`, { key: KEYS.operator });
  keys.set('revoked', revoked.key);
  const rotated = await newKey({});
  await api.ask('POST', `/api/v1/admin/keys/${rotated.record.id}/rotate`, { key: KEYS.operator });
  keys.set('rotated away', rotated.key);
  keys.set('with its case changed', (await newKey({})).key.toUpperCase());
  keyId = revoked.record.id;
});
afterAll(() => api.stop());

async function newKey(body: object) {
  const whole = { name: 'matrix', tenant, scopes: API_KEY_SCOPES, ...body };
  const answer = await api.ask('POST', '/api/v1/admin/keys', { key: KEYS.operator, body: whole });
  expect(answer.status).toBe(201);
  return answer.body;
}

function ask(route: Route, key: string | null, id = relayId): Promise<Answer> {
  const path = route.path.replace('{id}', id).replace('{tenant}', 'nobody').replace('{keyId}', keyId);
  return api.ask(route.method.toUpperCase(), path, { key });
}

describe.each(named(clientRoutes))('%s', (_name, route) => {
  const scope = scopeOf(route) ?? 'admin';

  test.each([
    ['without a key', () => null],
    ['with a key nobody issued', () => 'no-such-key'],
    ['with a key of the right form that nobody issued', () => `ak_${'0'.repeat(14)}_${'A'.repeat(51)}`],
    ['with the hash of a key', () => config.api.keys[0]?.sha256 ?? ''],
    ['with a key with its case changed', () => keys.get('with its case changed') ?? ''],
    ['with an expired key', () => keys.get('expired') ?? ''],
    ['with a revoked key', () => keys.get('revoked') ?? ''],
    ['with a key that was rotated away', () => keys.get('rotated away') ?? ''],
  ])('%s answers 401', async (_case, key) => {
    const answer = await ask(route, key());
    expect(answer).toMatchObject({ status: 401, body: { code: 'unauthenticated' } });
    expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer /);
  });

  test(`with every scope but ${scope} answers 403`, async () => {
    const answer = await ask(route, keys.get(`all but ${scope}`) ?? '');
    expect(answer).toMatchObject({ status: 403, body: { code: 'insufficient_scope' } });
    expect(answer.headers.get('www-authenticate')).toContain(`scope="${scope}"`);
  });

  test(`with ${scope} and no other scope lets in`, async () => {
    const answer = await ask(route, keys.get(`only ${scope}`) ?? '');
    expect([401, 403]).not.toContain(answer.status);
    expect(answer.status).toBeLessThan(500);
  });

  if (route.path.includes('{id}')) {
    test("about another tenant's relay answers as about one that never was", async () => {
      const key = keys.get('of another tenant') ?? '';
      const foreign = await ask(route, key);
      const missing = await ask(route, key, `${relayId.slice(0, -7)}0000000`);
      expect(foreign).toMatchObject({ status: 404, body: { code: 'relay_not_found' } });
      expect({ ...foreign.body, requestId: '' }).toEqual({ ...missing.body, requestId: '' });
    });
  }
});

describe.each(named(agentRoutes))('%s', (_name, route) => {
  test('takes no API key for a credential', async () => {
    const body = { instanceId: 'i-00000000000000000', launchToken: KEYS.acme };
    const whole = route.path.includes('heartbeat') ? { instanceId: body.instanceId } : body;
    const path = route.path.replace('{id}', relayId);
    for (const key of [null, KEYS.acme, KEYS.operator, keys.get('only admin') ?? '']) {
      expect(await api.ask(route.method.toUpperCase(), path, { key, body: whole })).toMatchObject({ status: 401 });
    }
  });
});

test("lists hold nothing of another tenant's", async () => {
  const { body } = await api.ask('GET', '/api/v1/relays', { key: keys.get('of another tenant') ?? '' });
  expect(body.relays).toEqual([]);
});

test('who holds a secret that was good is told why it is no longer', async () => {
  const why = async (name: string) =>
    (await api.ask('GET', '/api/v1/regions', { key: keys.get(name) ?? '' })).body.detail;
  expect(await why('expired')).toBe('The key has expired.');
  expect(await why('revoked')).toBe('The key was revoked.');
  expect(await why('rotated away')).toBeUndefined();
});

test('keys never reach the log', () => {
  const log = JSON.stringify(api.records());
  for (const key of [...Object.values(KEYS), ...keys.values()]) expect(log).not.toContain(key);
});
