import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { freePort, isPortFree } from './free-port.js';
import { type RedisServer, startRedisServer } from './redis-server.js';

const dirs: string[] = [];
const servers: RedisServer[] = [];

async function start(): Promise<RedisServer> {
  const dir = await mkdtemp(join(tmpdir(), 'aegis-redis-server-'));
  dirs.push(dir);
  const server = await startRedisServer({ dir });
  servers.push(server);
  return server;
}

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop()));
  await Promise.all(dirs.splice(0).map((dir) => rm(dir, { recursive: true, force: true })));
});

async function connected<T>(url: string, use: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url);
  try {
    return await use(redis);
  } finally {
    redis.disconnect();
  }
}

test('what was acknowledged survives a SIGKILL and a restart on the same port', async () => {
  const server = await start();
  await connected(server.url, (redis) => redis.set('kept', 'yes'));
  server.process.kill('SIGKILL');
  await server.process.restart();
  expect(await connected(server.url, (redis) => redis.get('kept'))).toBe('yes');
});

test('never evicts', async () => {
  const server = await start();
  const memory = await connected(server.url, (redis) => redis.info('memory'));
  expect(memory).toContain('maxmemory_policy:noeviction');
});

test('a stopped server is gone', async () => {
  const server = await start();
  expect(await isPortFree(server.port)).toBe(false);
  await server.stop();
  expect(await isPortFree(server.port)).toBe(true);
});

test('free ports are never the same twice', async () => {
  const ports = await Promise.all(Array.from({ length: 20 }, () => freePort()));
  expect(new Set(ports).size).toBe(20);
});
