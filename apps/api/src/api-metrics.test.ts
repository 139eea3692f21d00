import { testRedisUrl, waitFor } from '@aegis/local-stack';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startTestApi, type TestApi } from './testing/test-api.js';

let api: TestApi;

beforeAll(async () => {
  api = await startTestApi(testRedisUrl('api'));
});
afterAll(() => api.stop());

/** The samples of a page whose name begins so, without the name. */
async function samples(name: string): Promise<Map<string, number>> {
  const page = await (await fetch(`${api.url}/metrics`)).text();
  const lines = page.split('\n').filter((line) => line.startsWith(`${name}{`));
  return new Map(
    lines.map((line) => [line.slice(name.length, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
  );
}

test('a burst of creates is pending in the inventory, and one launch waits for all of them', async () => {
  await Promise.all(Array.from({ length: 20 }, () => api.ask('POST', '/api/v1/relays')));
  const region = `region="${api.region}"`;
  expect((await samples('aegis_relays')).get(`{${region},state="pending"}`)).toBe(20);
  expect((await samples('aegis_queue_jobs')).get(`{${region},state="waiting"}`)).toBe(1);
});

test('requests are counted by route template and code; what matched nothing is other', async () => {
  const { body } = await api.ask('POST', '/api/v1/relays');
  await api.ask('GET', `/api/v1/relays/${body.id}`);
  await api.ask('GET', '/api/v1/relays/rly_nonsense');
  await api.ask('GET', '/api/v1/secret-path');
  await api.ask('PUT', `/api/v1/relays/${body.id}`);
  const counted = await samples('aegis_http_requests_total');
  const route = 'route="/api/v1/relays/{id}"';
  expect(counted.get(`{method="GET",${route},code="200"}`)).toBe(1);
  expect(counted.get(`{method="GET",${route},code="404"}`)).toBe(1);
  expect(counted.get('{method="other",route="other",code="404"}')).toBe(1);
  expect(counted.get('{method="other",route="other",code="405"}')).toBe(1);
  expect([...counted.keys()].join()).not.toMatch(/secret-path|rly_/);
});

test('every route exists at 0 before anybody asked', async () => {
  const counted = await samples('aegis_http_requests_total');
  expect(counted.get('{method="POST",route="/api/v1/checkins",code="200"}')).toBe(0);
  expect(counted.get('{method="GET",route="/readyz",code="503"}')).toBe(0);
});

test('HEAD answers like GET, without the body', async () => {
  const { body } = await api.ask('POST', '/api/v1/relays');
  const path = `/api/v1/relays/${body.id}`;
  const headers = { authorization: 'Bearer test-key-acme' };
  const [get, head] = [
    await fetch(api.url + path, { headers }),
    await fetch(api.url + path, { method: 'HEAD', headers }),
  ];
  expect(head.status).toBe(200);
  expect(head.headers.get('content-length')).toBe(get.headers.get('content-length'));
  expect(await head.text()).toBe('');
});

test('a client that does not wait for its answer is counted as such, not as one that got what it asked for', async () => {
  const { body } = await api.ask('POST', '/api/v1/relays');
  const path = `/api/v1/relays/${body.id}`;
  const gone = new AbortController();
  const waiting = fetch(`${api.url}/api/v1/relays`, {
    method: 'POST',
    headers: { authorization: 'Bearer test-key-acme', prefer: 'wait=30', 'content-type': 'application/json' },
    body: '{}',
    signal: gone.signal,
  });
  setTimeout(() => gone.abort(), 200);
  await expect(waiting).rejects.toThrow();
  const series = '{method="POST",route="/api/v1/relays",code="499"}';
  await waitFor('it to be counted', 15_000, async () => {
    await api.ask('GET', path);
    return (await samples('aegis_http_requests_total')).get(series) === 1;
  });
  expect((await samples('aegis_http_requests_total')).get('{method="POST",route="/api/v1/relays",code="200"}')).toBe(0);
});
