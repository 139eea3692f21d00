import { Agent, type ClientRequest, type IncomingMessage, request } from 'node:http';
import { testRedisUrl } from '@aegis/local-stack';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startTestApi, type TestApi } from './testing/test-api.js';
import { KEYS } from './testing/test-config.js';

const STREAMS = 1_000;
const CREATES = 100;
/** What a busy machine adds to the slowest of a hundred requests, streams or not. */
const NOISE_MS = 25;

let api: TestApi;
const agent = new Agent({ keepAlive: true });
const open: ClientRequest[] = [];

beforeAll(async () => {
  api = await startTestApi(testRedisUrl('api'));
});
afterAll(async () => {
  for (const stream of open) stream.destroy();
  agent.destroy();
  await api.stop();
});

const headers = { authorization: `Bearer ${KEYS.acme}` };

function post(path: string, method = 'POST'): Promise<{ status: number; body: { id: string } }> {
  return new Promise((resolve, reject) => {
    const sent = request(api.url + path, { method, agent, headers }, (response) => {
      let text = '';
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) }));
    });
    sent.on('error', reject);
    sent.end();
  });
}

/** Resolves once the story so far has come. */
function openStream(id: string): Promise<{ until(text: string): Promise<void> }> {
  return new Promise((resolve, reject) => {
    const sent = request(`${api.url}/api/v1/relays/${id}/events`, {
      agent: false,
      headers: { ...headers, accept: 'text/event-stream' },
    });
    open.push(sent);
    sent.on('error', reject);
    sent.on('response', (response: IncomingMessage) => {
      let text = '';
      const until = (wanted: string): Promise<void> =>
        new Promise((found, missed) => {
          const look = (): void => {
            if (text.includes(wanted)) found();
          };
          response.on('data', look);
          response.on('close', () => missed(new Error(`the stream ended before ${wanted}: ${text}`)));
          look();
        });
      response.on('data', (chunk) => {
        text += chunk;
      });
      until('"pending"').then(() => resolve({ until }), reject);
    });
    sent.end();
  });
}

async function p99OfCreates(): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < CREATES; i++) {
    const startedAt = performance.now();
    expect((await post('/api/v1/relays')).status).toBe(202);
    times.push(performance.now() - startedAt);
  }
  return times.toSorted((a, b) => a - b)[Math.ceil(CREATES * 0.99) - 1] ?? 0;
}

test(`${STREAMS} open streams hear of their relays, and creates hardly notice them`, async () => {
  const relay = (await post('/api/v1/relays')).body;
  await p99OfCreates();
  const atRest = await p99OfCreates();
  const streams = [];
  for (let i = 0; i < STREAMS; i += 50) {
    streams.push(...(await Promise.all(Array.from({ length: 50 }, () => openStream(relay.id)))));
  }
  // The best of three: a single one may have met what other tests do on these processors.
  const most = 2 * atRest + NOISE_MS;
  let withStreams = await p99OfCreates();
  for (let again = 0; again < 2 && withStreams >= most; again++) {
    withStreams = Math.min(withStreams, await p99OfCreates());
  }
  expect(withStreams).toBeLessThan(most);
  await post(`/api/v1/relays/${relay.id}`, 'DELETE');
  await Promise.all(streams.map((stream) => stream.until('"terminated"')));
}, 60_000);
