import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { freePort } from './free-port.js';
import { preflight } from './preflight.js';
import { type RedisServer, startRedisServer } from './redis-server.js';
import { readUpSettings, type UpSettings } from './up-settings.js';

let dir: string;
let server: RedisServer;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'aegis-preflight-'));
  server = await startRedisServer({ dir, appendOnly: false });
});

afterAll(async () => {
  await server.stop();
  await rm(dir, { recursive: true, force: true });
});

async function settings(change: Partial<UpSettings>): Promise<UpSettings> {
  const ports = { api: await freePort(), jobs: await freePort(), sim: await freePort() };
  return { ...readUpSettings([], {}), ports, ...change };
}

test('free ports and a Redis that never evicts are fine', async () => {
  await expect(preflight(await settings({ redisUrl: server.url }), {})).resolves.toBeUndefined();
});

test('a taken port is named with the variable that changes it', async () => {
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as { port: number };
  const ports = { api: await freePort(), jobs: port, sim: await freePort() };
  await expect(preflight(await settings({ ports }), {})).rejects.toThrow(
    `port ${port} is taken: stop what listens there, or choose another port with AEGIS_JOBS_PORT`,
  );
  listener.close();
});

test('a Redis that evicts is refused', async () => {
  const redis = new Redis(server.url);
  await redis.config('SET', 'maxmemory-policy', 'allkeys-lru');
  await expect(preflight(await settings({ redisUrl: server.url }), {})).rejects.toThrow(
    'has maxmemory-policy allkeys-lru: Aegis needs noeviction',
  );
  await redis.config('SET', 'maxmemory-policy', 'noeviction');
  redis.disconnect();
});

test('a Redis that is not there is reported without its password', async () => {
  const redisUrl = `redis://user:hunter2@127.0.0.1:${await freePort()}`;
  const failure = preflight(await settings({ redisUrl }), {});
  await expect(failure).rejects.toThrow(
    /the Redis at redis:\/\/user:\*\*\*@127\.0\.0\.1:\d+ \(REDIS_URL\) cannot be used: .*ECONNREFUSED/,
  );
});

test('a REDIS_URL that is no URL is refused', async () => {
  await expect(preflight(await settings({ redisUrl: 'localhost' }), {})).rejects.toThrow('REDIS_URL');
});
