import { expect, test } from '@jest/globals';
import { createAegisClient } from './aegis-client.js';
import { ApiError, dataOf } from './api-error.js';

function answering(answer: Response) {
  const requests: Request[] = [];
  const fetch: typeof globalThis.fetch = async (request) => {
    if (request instanceof Request) requests.push(request);
    return answer.clone();
  };
  return { requests, client: createAegisClient({ baseUrl: 'https://aegis.example.com', key: 'the-key', fetch }) };
}

const problem = {
  type: 'urn:aegis:problem:relay_not_found',
  title: 'There is no such relay',
  status: 404,
  code: 'relay_not_found',
  requestId: 'r-1',
};

test('a call carries the key, and its path, query and body go where they belong', async () => {
  const { requests, client } = answering(Response.json({ relays: [], nextCursor: null }));
  await client.GET('/api/v1/relays', { params: { query: { state: ['active', 'booting'], limit: 5 } } });
  expect(requests[0]?.url).toBe('https://aegis.example.com/api/v1/relays?state=active&state=booting&limit=5');
  expect(requests[0]?.headers.get('authorization')).toBe('Bearer the-key');
  await client.POST('/api/v1/relays/{id}/renew', { params: { path: { id: 'a/b' } }, body: { leaseSeconds: 60 } });
  expect(requests[1]?.url).toBe('https://aegis.example.com/api/v1/relays/a%2Fb/renew');
  expect(await requests[1]?.json()).toEqual({ leaseSeconds: 60 });
});

test('header parameters may hold any text: it is sent in UTF-8', async () => {
  const { requests, client } = answering(Response.json({}, { status: 202 }));
  const key = 'caf\u00e9 \u6ce8\u6587 \u{1f680}';
  await client.POST('/api/v1/relays', { params: { header: { 'Idempotency-Key': key, Prefer: 'wait=1' } } });
  const sent = requests[0]?.headers.get('idempotency-key') ?? '';
  expect(Buffer.from(sent, 'latin1').toString()).toBe(key);
  expect(requests[0]?.headers.get('prefer')).toBe('wait=1');
  const header = { 'Idempotency-Key': 'half \ud83d' };
  expect(() => client.POST('/api/v1/relays', { params: { header } })).toThrow(
    'Idempotency-Key holds half of a character',
  );
});

test('data comes out of an answer, and a refusal is an error with its code', async () => {
  const regions = { regions: [{ name: 'us-east-1', default: true }] };
  expect(dataOf(await answering(Response.json(regions)).client.GET('/api/v1/regions'))).toEqual(regions);
  const refused = await answering(Response.json(problem, { status: 404 })).client.GET('/api/v1/regions');
  const error = new ApiError(404, { ...problem, code: 'relay_not_found' });
  expect(() => dataOf(refused)).toThrow(error);
  expect(error).toMatchObject({ status: 404, message: 'There is no such relay', problem: { code: 'relay_not_found' } });
});

test("a proxy's own error page is an error too", async () => {
  const refused = await answering(new Response('<h1>Bad gateway</h1>', { status: 502 })).client.GET('/api/v1/regions');
  expect(() => dataOf(refused)).toThrow('The server answered 502 without a problem document');
});
