import { testRedisUrl } from '@aegis/local-stack';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { rawExchange } from './testing/raw-exchange.js';
import { type AskOptions, startTestApi, type TestApi } from './testing/test-api.js';
import { KEYS } from './testing/test-config.js';

let api: TestApi;
let relayId: string;

beforeAll(async () => {
  api = await startTestApi(testRedisUrl('api'));
  relayId = (await api.ask('POST', '/api/v1/relays')).body.id;
});
afterAll(() => api.stop());

const json = (raw: AskOptions['raw'], type = 'application/json'): AskOptions => ({
  raw: raw ?? '',
  headers: { 'content-type': type },
});
const labels = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`l${i}`, 'v']));

type Case = [name: string, code: string, options: AskOptions];

const BODIES: Case[] = [
  ['half an object', 'invalid_json', json('{"region":')],
  ['words', 'invalid_json', json('give me a relay')],
  ['bytes that are not UTF-8', 'invalid_json', json(new Uint8Array([0x7b, 0xff, 0xfe, 0x7d]))],
  ['a key __proto__', 'invalid_json', json('{"__proto__": {"region": "x"}}')],
  ['an escaped key __proto__', 'invalid_json', json('{"\\u005f_proto__": 1}')],
  ['a label __proto__', 'invalid_json', json('{"labels": {"__proto__": "x"}}')],
  ['constructor.prototype', 'invalid_json', json('{"constructor": {"prototype": {}}}')],
  ['an array', 'invalid_body', { body: [] }],
  ['a string', 'invalid_body', { body: 'us-east-1' }],
  ['null', 'invalid_body', json('null')],
  ['deep nesting', 'invalid_body', json('['.repeat(30_000) + ']'.repeat(30_000))],
  ['an unknown field', 'invalid_body', { body: { regoin: 'us-east-1' } }],
  ['a field named constructor', 'invalid_body', { body: { constructor: 1 } }],
  ['a field named toString', 'invalid_body', { body: { toString: 1 } }],
  ['a number for a region', 'invalid_body', { body: { region: 5 } }],
  ['an unknown region', 'unknown_region', { body: { region: 'mars-north-1' } }],
  ['an empty region', 'unknown_region', { body: { region: '' } }],
  ['a string for a lease', 'invalid_body', { body: { leaseSeconds: '60' } }],
  ['half a second of lease', 'invalid_body', { body: { leaseSeconds: 60.5 } }],
  ['an infinite lease', 'invalid_body', json('{"leaseSeconds": 1e999}')],
  ['a lease over the maximum', 'lease_out_of_range', { body: { leaseSeconds: 86_401 } }],
  ['a lease past all integers', 'lease_out_of_range', { body: { leaseSeconds: 1e20 } }],
  ['a lease of nothing', 'lease_out_of_range', { body: { leaseSeconds: 0 } }],
  ['a negative lease', 'lease_out_of_range', { body: { leaseSeconds: -1 } }],
  ['a lease and a region that are both wrong', 'invalid_body', { body: { leaseSeconds: 0, region: 'x' } }],
  ['labels in a list', 'invalid_body', { body: { labels: ['a'] } }],
  ['a label that is a number', 'invalid_body', { body: { labels: { a: 1 } } }],
  ['17 labels', 'invalid_body', { body: { labels: labels(17) } }],
  ['a label key of 64 characters', 'invalid_body', { body: { labels: { ['k'.repeat(64)]: 'v' } } }],
  ['a label key with a space', 'invalid_body', { body: { labels: { 'a b': 'v' } } }],
  ['an empty label key', 'invalid_body', { body: { labels: { '': 'v' } } }],
  ['a label value of 257 characters', 'invalid_body', { body: { labels: { a: 'v'.repeat(257) } } }],
  ['a label value with a NUL', 'invalid_body', { body: { labels: { a: '\u0000' } } }],
  ['a label value with half a surrogate', 'invalid_body', json('{"labels": {"a": "\\ud800"}}')],
  ['a form', 'unsupported_media_type', json('region=x', 'application/x-www-form-urlencoded')],
  ['text', 'unsupported_media_type', json('{}', 'text/plain')],
  ['a media type that only begins like JSON', 'unsupported_media_type', json('{}', 'application/json5')],
  ['JSON in latin 1', 'unsupported_media_type', json('{}', 'application/json; charset=iso-8859-1')],
  ['no media type', 'unsupported_media_type', { raw: new TextEncoder().encode('{}') }],
  [
    'compressed JSON',
    'unsupported_media_type',
    { raw: '{}', headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' } },
  ],
  ['more than 64 KiB', 'body_too_large', { body: { labels: { a: 'x'.repeat(65_536) } } }],
  ['8 MiB', 'body_too_large', json('x'.repeat(8 * 1024 * 1024))],
];

describe('a create with', () => {
  test.each(BODIES)('%s is refused as %s', async (_name, code, options) => {
    const before = (await api.ask('GET', '/api/v1/relays?limit=200')).body.relays.length;
    const answer = await api.ask('POST', '/api/v1/relays', options);
    expect(answer.body.code).toBe(code);
    expect(answer.status).toBeLessThan(500);
    expect(JSON.stringify(answer.body).length).toBeLessThan(2_000);
    expect((await api.ask('GET', '/api/v1/relays?limit=200')).body.relays.length).toBe(before);
  });

  test.each([
    ['16 labels of full size', { labels: { ...labels(15), ['k'.repeat(63)]: '✓'.repeat(256) } }],
    ['the longest lease', { leaseSeconds: 86_400 }],
  ])('%s is taken', async (_name, body) => {
    expect((await api.ask('POST', '/api/v1/relays', { body })).status).toBe(202);
  });

  test.each(['application/json; charset=utf-8', 'application/json;charset="UTF-8"', 'Application/JSON'])(
    'the media type %s is taken',
    async (type) => {
      expect((await api.ask('POST', '/api/v1/relays', json('{}', type))).status).toBe(202);
    },
  );

  test('several faults names each of them', async () => {
    const body = { leaseSeconds: 'x', labels: { 'a/b ~': 'v' }, nope: 1 };
    const answer = await api.ask('POST', '/api/v1/relays', { body });
    const pointers = answer.body.errors.map((error: { pointer: string }) => error.pointer);
    expect(pointers.toSorted()).toEqual(['/labels/a~1b ~0', '/leaseSeconds', '/nope']);
  });
});

describe('a read with', () => {
  test.each([
    ['/api/v1/relays?limit=0', 400, 'invalid_query'],
    ['/api/v1/relays?limit=201', 400, 'invalid_query'],
    ['/api/v1/relays?limit=x', 400, 'invalid_query'],
    ['/api/v1/relays?limit=1&limit=2', 400, 'invalid_query'],
    ['/api/v1/relays?state=sleeping', 400, 'invalid_query'],
    ['/api/v1/relays?state=', 400, 'invalid_query'],
    ['/api/v1/relays?region=mars-north-1', 400, 'unknown_region'],
    ['/api/v1/relays?region=mars-north-1&limit=0', 400, 'invalid_query'],
    ['/api/v1/relays?cursor=', 400, 'invalid_query'],
    ['/api/v1/relays?cursor=%00', 400, 'invalid_cursor'],
    ['/api/v1/relays?cursor=zzz', 400, 'invalid_cursor'],
    ['/api/v1/relays?__proto__=1', 400, 'invalid_query'],
    ['/api/v1/relays?constructor=1', 400, 'invalid_query'],
    ['/api/v1/relays?stat=active', 400, 'invalid_query'],
    ['/api/v1/relays?%ZZ', 400, 'invalid_query'],
    ['/api/v1/regions?a=1', 400, 'invalid_query'],
    ['/api/v1/relays/nonsense', 404, 'relay_not_found'],
    ['/api/v1/relays/rly_use1_0000000000000000', 404, 'relay_not_found'],
    ['/api/v1/relays/__proto__', 404, 'relay_not_found'],
    [`/api/v1/relays/${'x'.repeat(5_000)}`, 404, 'relay_not_found'],
    ['/api/v1/relays/%00', 404, 'relay_not_found'],
    ['/api/v1/relays/%E2%9C%93', 404, 'relay_not_found'],
    ['/api/v1/relays/%ZZ', 400, 'invalid_path'],
    ['/api/v1/relays/%E0%A4', 400, 'invalid_path'],
    ['/api/v1/relays/a/b', 404, 'not_found'],
    ['/api/v1/nothing', 404, 'not_found'],
    ['/API/V1/RELAYS', 404, 'not_found'],
    ['/', 404, 'not_found'],
    ['/.env', 404, 'not_found'],
  ])('%s is refused with %i %s', async (path, status, code) => {
    expect(await api.ask('GET', path)).toMatchObject({ status, body: { code } });
  });

  test.each(['after=-1', 'after=x', 'limit=0', 'from=1'])('events?%s is refused', async (query) => {
    const answer = await api.ask('GET', `/api/v1/relays/${relayId}/events?${query}`);
    expect(answer).toMatchObject({ status: 400, body: { code: 'invalid_query' } });
  });
});

describe('a method that a path does not have', () => {
  test.each([
    ['PUT', '/api/v1/relays', 'POST, GET, HEAD'],
    ['PATCH', '/api/v1/relays/x', 'GET, DELETE, HEAD'],
    ['GET', '/api/v1/checkins', 'POST'],
    ['OPTIONS', '/api/v1/regions', 'GET, HEAD'],
    ['POST', '/healthz', 'GET, HEAD'],
    ['DELETE', '/metrics', 'GET, HEAD'],
  ])('%s %s answers 405 and what is allowed', async (method, path, allow) => {
    const answer = await api.ask(method, path);
    expect(answer).toMatchObject({ status: 405, body: { code: 'method_not_allowed' } });
    expect(answer.headers.get('allow')).toBe(allow);
  });
});

describe('an agent with', () => {
  test.each([
    ['no body', {}],
    ['an empty body', { body: {} }],
    ['a token that is a number', { body: { instanceId: 'i-00000000000000000', launchToken: 5 } }],
    ['an instance id of another form', { body: { instanceId: 'i-XYZ', launchToken: 'lt_' } }],
    ['an unknown field', { body: { instanceId: 'i-00000000000000000', launchToken: 'lt_', x: 1 } }],
    ['a huge token', { body: { instanceId: 'i-00000000000000000', launchToken: 'x'.repeat(5_000) } }],
  ])('%s is refused', async (_name, options) => {
    const answer = await api.ask('POST', '/api/v1/checkins', { key: null, ...options });
    expect(answer).toMatchObject({ status: 400, body: { code: 'invalid_body' } });
  });
});

describe('on a raw socket', () => {
  const head = (lines: string[]) => `${['POST /api/v1/relays HTTP/1.1', 'Host: x', ...lines, '', ''].join('\r\n')}`;
  const authorization = `Authorization: Bearer ${KEYS.acme}`;

  test('headers over the limit answer 431', async () => {
    const answer = await rawExchange(api.url, head([`X-Big: ${'x'.repeat(32_000)}`]));
    expect(answer).toMatch(/^HTTP\/1.1 431 /);
    expect(answer).toContain('"code":"headers_too_large"');
  });

  test('what is not HTTP answers 400', async () => {
    const answer = await rawExchange(api.url, 'GIVE ME A RELAY\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1.1 400 /);
    expect(answer).toContain('"code":"malformed_request"');
  });

  test('a body in chunks that grows past the limit is answered, then cut off', async () => {
    const chunk = `4000\r\n${'x'.repeat(0x4000)}\r\n`;
    const request = head([authorization, 'Content-Type: application/json', 'Transfer-Encoding: chunked']);
    const answer = await rawExchange(api.url, request + chunk.repeat(100));
    expect(answer).toMatch(/^HTTP\/1.1 413 /);
    expect(answer).toContain('"code":"body_too_large"');
  });

  test('an endless body of a stranger is answered, then cut off', async () => {
    const request = head(['Content-Type: application/json', 'Content-Length: 1000000000']);
    const answer = await rawExchange(api.url, request + 'x'.repeat(1_500_000));
    expect(answer).toMatch(/^HTTP\/1.1 401 /);
  });

  test('a body in chunks, and an empty one, are read like any other', async () => {
    const lines = [authorization, 'Content-Type: application/json', 'Transfer-Encoding: chunked', 'Connection: close'];
    expect(await rawExchange(api.url, `${head(lines)}2\r\n{}\r\n0\r\n\r\n`)).toMatch(/^HTTP\/1.1 202 /);
    expect(await rawExchange(api.url, `${head(lines)}0\r\n\r\n`)).toMatch(/^HTTP\/1.1 202 /);
  });
});

describe('request ids', () => {
  test("a client's own is kept, in header, problem and log", async () => {
    const headers = { 'x-request-id': 'my-trace/1.2:3' };
    const answer = await api.ask('GET', '/api/v1/relays/nonsense', { headers });
    expect(answer.body.requestId).toBe('my-trace/1.2:3');
    const record = api.records().find((each) => each.requestId === 'my-trace/1.2:3');
    expect(record).toMatchObject({ message: 'request', route: '/api/v1/relays/{id}', status: 404, method: 'GET' });
  });

  test.each(['', 'x'.repeat(129), 'a b', '"quoted"', '{json}'])('one like %j is replaced', async (given) => {
    const answer = await api.ask('GET', '/api/v1/relays', { headers: { 'x-request-id': given } });
    expect(answer.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  });
});
