import { pbkdf2 } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type RedisCluster, type RedisServer, startRedisCluster } from '@aegis/local-stack';
import { createLogger } from '@aegis/logging';
import { afterAll, beforeAll, test } from '@jest/globals';
import { closeRedis, connectRedis } from './redis-client.js';

const KEY = '{aegis:us-east-1}:meta';

let dir: string;
let cluster: RedisCluster;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'aegis-cluster-client-'));
  cluster = await startRedisCluster({ dir, settings: { appendonly: 'no' } });
}, 90_000);

afterAll(async () => {
  await cluster?.stop();
  await rm(dir, { recursive: true, force: true });
}, 30_000);

/** Names are resolved by the threads that this keeps busy: for longer than a hung connection is waited for. */
async function withBusyThreads(work: () => void): Promise<void> {
  const busy = Array.from({ length: 8 }, () => promisify(pbkdf2)('a', 'b', 400_000, 64, 'sha512'));
  work();
  await Promise.all(busy);
}

test.each(['store', 'blocking'] as const)(
  'a %s client reconnects while a node hangs and names are resolved slowly',
  async (role) => {
    const client = connectRedis({
      url: cluster.url.replaceAll('127.0.0.1', 'localhost'),
      role,
      connectionName: 'aegis-test',
      logger: createLogger({ level: 'error', app: 'test' }),
    });
    let hanging: RedisServer | undefined;
    const answered = async (): Promise<void> => {
      while ((await client.exists(KEY).catch(() => null)) === null) await delay(50);
    };
    try {
      await answered();
      hanging = await cluster.masterOf(KEY);
      hanging.process.kill('SIGSTOP');
      // As ioredis does when the cluster says that it is not well.
      await withBusyThreads(() => client.disconnect(true));
      hanging.process.kill('SIGCONT');
      await answered();
    } finally {
      hanging?.process.kill('SIGCONT');
      await closeRedis(client);
    }
  },
  60_000,
);
