import { Agent, type ClientRequest, type IncomingMessage, request } from 'node:http';
import { testRedisUrl } from '@aegis/local-stack';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startTestApi, type TestApi } from './testing/test-api.js';
import { KEYS } from './testing/test-config.js';

const STREAMS = 1_000;
const CREATES = 100;
/** Rounds of creates that show what rest is, before and, where it is needed, after the streams. */
const REST_ROUNDS = 3;
/** The most rounds that the streams have to show that they leave creates alone. */
const STREAM_ROUNDS = 15;

let api: TestApi;
const agent = new Agent({ keepAlive: true });
const open = new Set<ClientRequest>();
let ended = false;

beforeAll(async () => {
  api = await startTestApi(testRedisUrl('api'));
});
afterAll(async () => {
  ended = true;
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

interface OpenStream {
  until(text: string): Promise<void>;
}

/**
 * Resolves once the story so far has come. A stream that ends too early, as on a machine so busy that a read of the store
 * takes more than its 0.6 s, is opened anew, as clients do.
 */
function openStream(id: string): Promise<OpenStream> {
  return new Promise((resolve, reject) => {
    const sent = request(`${api.url}/api/v1/relays/${id}/events`, {
      agent: false,
      headers: { ...headers, accept: 'text/event-stream' },
    });
    open.add(sent);
    sent.on('close', () => open.delete(sent));
    sent.on('error', reject);
    sent.on('response', (response: IncomingMessage) => {
      let text = '';
      const until = (wanted: string): Promise<void> =>
        new Promise((found, failed) => {
          const look = (): void => {
            if (text.includes(wanted)) found();
          };
          const again = (): void => {
            if (text.includes(wanted) || ended) return;
            openStream(id)
              .then((other) => other.until(wanted))
              .then(found, failed);
          };
          response.on('data', look);
          if (response.closed) again();
          else response.on('close', again);
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

/** The quietest of some rounds; no more of them once one is good enough. */
async function quietestP99(rounds: number, goodEnough = 0): Promise<number> {
  let quietest = Number.POSITIVE_INFINITY;
  for (let i = 0; i < rounds && quietest >= goodEnough; i++) quietest = Math.min(quietest, await p99OfCreates());
  return quietest;
}

/*
 * Whatever else the machine does can only add to a time, so the quietest round is nearest to what the code costs, and
 * one round within the bound shows that 1,000 streams do not cost more. Where the machine has become busier since rest
 * was measured, rest is measured again.
 */
test(`${STREAMS} open streams hear of their relays, and the p99 of creates stays within 2 × of rest`, async () => {
  const relay = (await post('/api/v1/relays')).body;
  await p99OfCreates();
  const restBefore = await quietestP99(REST_ROUNDS);
  const streams = [];
  for (let i = 0; i < STREAMS; i += 50) {
    streams.push(...(await Promise.all(Array.from({ length: 50 }, () => openStream(relay.id)))));
  }
  const withStreams = await quietestP99(STREAM_ROUNDS, 2 * restBefore);
  expect(open.size).toBeGreaterThan(0.9 * STREAMS);
  await post(`/api/v1/relays/${relay.id}`, 'DELETE');
  await Promise.all(streams.map((stream) => stream.until('"terminated"')));
  if (withStreams < 2 * restBefore) return;
  const restAfter = await quietestP99(REST_ROUNDS);
  expect(withStreams).toBeLessThan(2 * Math.max(restBefore, restAfter));
}, 120_000);
