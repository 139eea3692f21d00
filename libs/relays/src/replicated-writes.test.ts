import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RedisServer, startRedisServer, waitFor } from '@aegis/local-stack';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { createReplicatedWrites, NotReplicatedError } from './replicated-writes.js';

let dir: string;
let master: RedisServer;
let replica: RedisServer;
let redis: Redis;
let copy: Redis;

/** More than any machine needs that is not at fault. */
const WAIT = { replicas: 1, timeoutMs: 10_000 };
const SHORT_WAIT = { replicas: 1, timeoutMs: 200 };

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'aegis-replicated-'));
  master = await startRedisServer({
    dir: join(dir, 'master'),
    appendOnly: false,
    settings: { 'repl-diskless-sync-delay': '0' },
  });
  const settings = { replicaof: `127.0.0.1 ${master.port}` };
  replica = await startRedisServer({ dir: join(dir, 'replica'), appendOnly: false, settings });
  redis = new Redis(master.url);
  copy = new Redis(replica.url);
  await waitFor('the replica in step', 15_000, async () => (await redis.info('replication')).includes('state=online'));
});
afterAll(async () => {
  redis.disconnect();
  copy.disconnect();
  await Promise.all([replica.stop(), master.stop()]);
  await rm(dir, { recursive: true, force: true });
});
beforeEach(() => redis.config('RESETSTAT'));

async function waits(): Promise<number> {
  const stats = await redis.info('commandstats');
  return Number(/cmdstat_wait:calls=(\d+)/.exec(stats)?.[1] ?? 0);
}

async function withoutReplica(work: () => Promise<void>): Promise<void> {
  replica.process.kill('SIGSTOP');
  try {
    await work();
  } finally {
    replica.process.kill('SIGCONT');
  }
}

test('a write that waits is on the replica when it is done', async () => {
  const writes = createReplicatedWrites(redis, WAIT);
  for (let i = 0; i < 50; i++) {
    await writes.run('key', (server) => server.set('key', i));
    expect(await copy.get('key')).toBe(String(i));
  }
});

test('without replicas to wait for nothing more is sent', async () => {
  for (const wait of [undefined, { replicas: 0, timeoutMs: 200 }]) {
    await createReplicatedWrites(redis, wait).run('key', (server) => server.set('key', 'x'));
  }
  expect(await waits()).toBe(0);
});

test('many at once share their waits', async () => {
  const writes = createReplicatedWrites(redis, WAIT);
  await Promise.all(Array.from({ length: 200 }, (_, i) => writes.run('key', (server) => server.set(`key${i}`, i))));
  expect(await waits()).toBeLessThan(20);
  expect(await copy.mget('key0', 'key199')).toEqual(['0', '199']);
});

test('a write that the replica does not take is not done, nor is finding it later, on whatever connection', async () => {
  const other = new Redis(master.url);
  await withoutReplica(async () => {
    const writes = createReplicatedWrites(redis, SHORT_WAIT);
    await expect(writes.run('late', (server) => server.set('late', 1))).rejects.toThrow(NotReplicatedError);
    await expect(writes.run('late', (server) => server.get('late'))).rejects.toThrow(NotReplicatedError);
    const others = createReplicatedWrites(other, SHORT_WAIT);
    await expect(others.run('late', (server) => server.get('late'))).rejects.toThrow(/0 of 1 replicas/);
  });
  const patient = createReplicatedWrites(other, WAIT);
  expect(await patient.run('late', (server) => server.get('late'))).toBe('1');
  expect(await copy.get('late')).toBe('1');
  other.disconnect();
});

test('one that fails does not spoil the next', async () => {
  const writes = createReplicatedWrites(redis, WAIT);
  const failing = writes.run('key', (server) => server.incr('key').then(() => server.hset('key', 'a', 1)));
  const going = writes.run('other', (server) => server.set('other', 1));
  await expect(failing).rejects.toThrow(/ERR|WRONGTYPE/);
  expect(await going).toBe('OK');
});

test('a connection that was made anew vouches for nothing that went before', async () => {
  const client = new Redis(master.url);
  const writes = createReplicatedWrites(client, WAIT);
  const write = writes.run('key', async (server) => {
    await server.set('key', 1);
    client.disconnect(true);
    await new Promise((resolve) => client.once('ready', resolve));
  });
  await expect(write).rejects.toThrow('the connection broke');
  client.disconnect();
});
