import type { AegisConfig } from '@aegis/config';
import { testRedisUrl, waitFor } from '@aegis/local-stack';
import { issueSessionSecret } from '@aegis/relays';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startTestApi, type TestApi } from './testing/test-api.js';
import { KEYS, testConfig } from './testing/test-config.js';

const url = testRedisUrl('api');

function limited(
  limits: Partial<AegisConfig['api']['rateLimits']>,
  more: Partial<AegisConfig['api']> = {},
): AegisConfig {
  const config = testConfig(url, {});
  const rateLimits = { ...config.api.rateLimits, windowSeconds: 60, ...limits };
  return { ...config, api: { ...config.api, ...more, rateLimits } };
}

/** Keys of the configuration count by name: a name that no other test uses. */
function own(config: AegisConfig): AegisConfig {
  const keys = config.api.keys.map((key) => ({ ...key, name: key.tenant.replace('-', `-${key.name}-`) }));
  return { ...config, api: { ...config.api, keys } };
}

describe('a key', () => {
  let api: TestApi;
  let replica: TestApi;

  beforeAll(async () => {
    api = await startTestApi(url, {}, own(limited({ read: 5, write: 300, admin: 2 })));
    replica = await startTestApi(url, {}, api.config);
  });
  afterAll(() => Promise.all([api.stop(), replica.stop()]));

  test('is told what is left of its reads, and refused past the limit, over all replicas', async () => {
    const first = await api.ask('GET', '/api/v1/regions');
    expect(first.headers.get('ratelimit-policy')).toBe('"read";q=5;w=60');
    expect(first.headers.get('ratelimit')).toMatch(/^"read";r=4;t=\d+$/);
    const more = await Promise.all(
      Array.from({ length: 8 }, (_, i) => (i % 2 ? api : replica).ask('GET', '/api/v1/regions')),
    );
    expect(more.filter(({ status }) => status === 200)).toHaveLength(4);
    const refused = await api.ask('GET', '/api/v1/relays');
    expect(refused).toMatchObject({ status: 429, body: { code: 'rate_limited' } });
    expect(refused.headers.get('ratelimit')).toMatch(/^"read";r=0;t=\d+$/);
    const seconds = Number(refused.headers.get('retry-after'));
    expect(seconds).toBeGreaterThan(0);
    expect(seconds).toBeLessThanOrEqual(60);
  });

  test("has a limit for each class, and no other key's", async () => {
    expect((await api.ask('POST', '/api/v1/relays')).status).toBe(202);
    expect((await api.ask('GET', '/api/v1/regions', { key: KEYS.rival })).status).toBe(200);
    const admin = () => api.ask('GET', '/api/v1/admin/freeze', { key: KEYS.operator });
    expect([(await admin()).status, (await admin()).status, (await admin()).status]).toEqual([200, 200, 429]);
  });

  test('never gets more than its limit through, however many ask at once', async () => {
    const send = (i: number) => (i % 2 ? api : replica).ask('DELETE', '/api/v1/relays/rly_none', { key: KEYS.rival });
    const answers = await Promise.all(Array.from({ length: 340 }, (_, i) => send(i)));
    const passed = answers.filter(({ status }) => status === 404).length;
    expect(passed).toBe(300);
  });
});

describe('who has no key', () => {
  let api: TestApi;

  beforeAll(async () => {
    api = await startTestApi(url, {}, limited({ unauthenticated: 20 }, { trustedProxies: ['127.0.0.0/8'] }));
  });
  afterAll(() => api.stop());

  const from = (address: string) => ({ 'x-forwarded-for': address });
  const guess = (address: string, key: string | null = 'guess') =>
    api.ask('GET', '/api/v1/relays', { key, headers: from(address) });
  const flood = (address: string) => Promise.all(Array.from({ length: 21 }, () => guess(address)));

  test('is refused by address after some guesses, and nobody else is', async () => {
    const answers = await flood('192.0.2.1');
    expect(answers.map(({ status }) => status).toSorted()).toEqual([...Array(20).fill(401), 429]);
    const refused = await guess('192.0.2.1', null);
    expect(refused).toMatchObject({ status: 429, body: { code: 'rate_limited' } });
    expect(refused.headers.get('connection')).toBe('close');
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await guess('192.0.2.2')).status).toBe(401);
    expect((await guess('192.0.2.1', KEYS.acme)).status).toBe(200);
  });

  test('does not get around it by the other addresses of a network of its own', async () => {
    await flood('2001:db8:7:7::1');
    expect((await guess('2001:db8:7:7:ffff::2')).status).toBe(429);
    expect((await guess('2001:db8:7:8::1')).status).toBe(401);
  });

  test('does not get around it with forwarded addresses that no trusted proxy added', async () => {
    await flood('198.51.100.9');
    expect((await guess('203.0.113.1, 198.51.100.9')).status).toBe(429);
    expect((await guess('198.51.100.9, 127.0.0.5')).status).toBe(429);
  });

  test('has no body read and no page served once refused', async () => {
    await flood('192.0.2.77');
    const body = { instanceId: 'i-00000000000000000', launchToken: 'x' };
    const checkIn = () => api.ask('POST', '/api/v1/checkins', { key: null, body, headers: from('192.0.2.77') });
    expect((await checkIn()).status).toBe(429);
    const page = await fetch(`${api.url}/openapi.json`, { headers: from('192.0.2.77') });
    expect(page.status).toBe(429);
    await page.text();
    expect((await fetch(`${api.url}/healthz`, { headers: from('192.0.2.77') })).status).toBe(200);
  });
});

test('without a trusted proxy nobody chooses an address', async () => {
  const api = await startTestApi(url, {}, limited({ unauthenticated: 3 }));
  try {
    const guess = (i: number) =>
      api.ask('GET', '/api/v1/relays', { key: 'guess', headers: { 'x-forwarded-for': `192.0.2.${i}` } });
    const answers = [await guess(1), await guess(2), await guess(3), await guess(4)];
    expect(answers.map(({ status }) => status)).toEqual([401, 401, 401, 429]);
    expect(api.records().find(({ message }) => message === 'request')).toMatchObject({ address: '127.0.0.1' });
  } finally {
    await api.stop();
  }
});

describe('a key past its rate', () => {
  let api: TestApi;
  beforeAll(async () => {
    api = await startTestApi(url, {}, own(limited({ write: 5 })));
  });
  afterAll(() => api.stop());

  test('is refused as such whatever its scope, and does not fill the audit log', async () => {
    const statuses = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const { status } = await api.ask('DELETE', '/api/v1/relays/rly_none', { key: KEYS.reader });
        return status;
      }),
    );
    expect(statuses.sort()).toEqual([...Array(5).fill(403), ...Array(15).fill(429)]);
    const [reader] = api.config.api.keys.filter(({ scopes }) => scopes.length === 1 && scopes[0] === 'relays:read');
    const mine = async () => {
      const { body } = await api.ask('GET', '/api/v1/admin/audit?limit=200', { key: KEYS.operator });
      return body.entries.filter(({ keyName }: { keyName: string }) => keyName === reader?.name);
    };
    // Entries are stored after the answer.
    await waitFor('the entries', 15_000, async () => (await mine()).length >= 5);
    expect(await mine()).toHaveLength(5);
  });
});

test('a relay’s agent is heard although strangers flood from its address, and they are not', async () => {
  const api = await startTestApi(url, {}, limited({ unauthenticated: 5 }));
  try {
    for (let i = 0; i < 7; i++) await api.ask('GET', '/api/v1/relays', { key: 'nope' });
    const instanceId = 'i-00000000000000000';
    const { id } = (await api.ask('POST', '/api/v1/relays')).body;
    const beat = (key: string) => api.ask('POST', `/api/v1/relays/${id}/heartbeat`, { key, body: { instanceId } });
    // It has no such instance, but its secret is good.
    expect(await beat(issueSessionSecret(api.config.secret, id, instanceId))).toMatchObject({ status: 404 });
    expect(await beat('forged')).toMatchObject({ status: 429 });
  } finally {
    await api.stop();
  }
});
