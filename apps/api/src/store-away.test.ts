import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RedisServer, startRedisServer, waitFor } from '@aegis/local-stack';
import { issueSessionSecret } from '@aegis/relays';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { startTestApi, type TestApi } from './testing/test-api.js';
import { KEYS } from './testing/test-config.js';

let dir: string;
let redis: RedisServer;
let api: TestApi;
let relayId: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'aegis-api-redis-'));
  redis = await startRedisServer({ dir });
  api = await startTestApi(redis.url);
});
afterAll(async () => {
  await api.stop();
  await redis.stop();
  await rm(dir, { recursive: true });
});
beforeEach(async () => {
  relayId = (await api.ask('POST', '/api/v1/relays')).body.id;
});

/** Everything that needs the store says 503 within a second. */
async function expectAway(): Promise<void> {
  const instanceId = 'i-00000000000000000';
  const key = issueSessionSecret(api.config.secret, relayId, instanceId);
  const tookMs: number[] = [];
  // The quickest of three: a single one also waits for the processors that this test shares with others.
  for (let i = 0; i < 3; i++) {
    const startedAt = performance.now();
    const answers = await Promise.all([
      api.ask('POST', '/api/v1/relays'),
      api.ask('POST', '/api/v1/relays', { headers: { 'idempotency-key': 'away' } }),
      api.ask('GET', '/api/v1/relays'),
      api.ask('GET', `/api/v1/relays/${relayId}`),
      api.ask('GET', `/api/v1/relays/${relayId}/events`),
      api.ask('POST', `/api/v1/relays/${relayId}/renew`),
      api.ask('DELETE', `/api/v1/relays/${relayId}`),
      api.ask('POST', `/api/v1/relays/${relayId}/heartbeat`, { key, body: { instanceId } }),
      api.ask('POST', '/api/v1/admin/sweeps', { key: KEYS.operator }),
      api.ask('PUT', '/api/v1/admin/freeze', { key: KEYS.operator, body: { launch: true } }),
      api.ask('GET', '/api/v1/admin/audit', { key: KEYS.operator }),
    ]);
    tookMs.push(performance.now() - startedAt);
    for (const answer of answers) {
      expect(answer).toMatchObject({ status: 503, body: { code: 'store_unavailable' } });
      expect(answer.headers.get('retry-after')).toBe('1');
    }
  }
  expect(Math.min(...tookMs)).toBeLessThan(1_000);
  const ready = await fetch(`${api.url}/readyz`);
  expect(ready.status).toBe(503);
  await ready.text();
  expect((await fetch(`${api.url}/healthz`)).status).toBe(200);
}

async function untilReady(): Promise<void> {
  await waitFor('ready again', 15_000, async () => {
    const response = await fetch(`${api.url}/readyz`);
    await response.text();
    return response.ok;
  });
}

test('while Redis is gone nothing is acknowledged; when it is back nothing acknowledged is lost', async () => {
  redis.process.kill();
  await redis.process.exited();
  await expectAway();
  await redis.process.start();
  await untilReady();
  const { body } = await api.ask('GET', '/api/v1/relays?limit=200');
  expect(body.relays.map((relay: { id: string; state: string }) => [relay.id, relay.state])).toEqual([
    [relayId, 'pending'],
  ]);
  expect((await api.ask('POST', '/api/v1/relays')).status).toBe(202);
});

test('a Redis that hangs is the same as one that is gone', async () => {
  redis.process.kill('SIGSTOP');
  try {
    await expectAway();
  } finally {
    redis.process.kill('SIGCONT');
  }
  await untilReady();
  expect((await api.ask('POST', '/api/v1/relays')).status).toBe(202);
});

test('a Redis that takes no writes answers reads and refuses the rest', async () => {
  const client = new Redis(redis.url);
  await client.config('SET', 'maxmemory', '1');
  try {
    expect((await api.ask('GET', `/api/v1/relays/${relayId}`)).status).toBe(200);
    expect((await api.ask('POST', '/api/v1/relays')).body.code).toBe('store_unavailable');
  } finally {
    await client.config('SET', 'maxmemory', '0');
    await client.quit();
  }
});
