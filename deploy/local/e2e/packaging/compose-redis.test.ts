// The service redis of compose.yaml, started with its own command and settings on this machine's redis-server.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { type Reaper, startReaper } from '../../src/reaper.js';
import { startComposedRedis } from './composed-redis.js';

let dir: string;
let reaper: Reaper;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'aegis-compose-redis-'));
  reaper = startReaper();
});

afterAll(async () => {
  await reaper.stop();
  await rm(dir, { recursive: true, force: true });
});

test('writes down what it accepts, never evicts, asks for the password, and stops when it is told to', async () => {
  const password = '5d1f2b6a9c0e4d7788aa';
  const passwordFile = join(dir, 'password');
  await writeFile(passwordFile, `${password}\n`);
  const { port, process: server } = await startComposedRedis(join(dir, 'data'), passwordFile, reaper);
  const options = { port, host: '127.0.0.1', lazyConnect: true, maxRetriesPerRequest: 0, retryStrategy: () => null };

  const stranger = new Redis(options);
  stranger.on('error', () => undefined);
  await expect(stranger.set('a', '1')).rejects.toThrow(/NOAUTH/);
  stranger.disconnect();

  const redis = new Redis({ ...options, password });
  const names = ['appendonly', 'maxmemory-policy', 'appendfsync', 'requirepass'];
  const found = await Promise.all(names.map((name) => redis.config('GET', name) as Promise<string[]>));
  expect(Object.fromEntries(found)).toEqual({
    appendonly: 'yes',
    'maxmemory-policy': 'noeviction',
    appendfsync: 'everysec',
    requirepass: password,
  });
  await redis.set('kept', 'yes');
  redis.disconnect();

  // The signal must reach the server, not a shell before it, or an engine kills it when its patience ends.
  expect(await server.stop()).toEqual({ code: 0, signal: null });
  await server.start();
  const again = new Redis({ ...options, password });
  expect(await again.get('kept')).toBe('yes');
  again.disconnect();
  await server.stop();
}, 60_000);
