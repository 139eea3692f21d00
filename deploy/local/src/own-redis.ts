import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startRedisCluster } from './redis-cluster.js';
import { startRedisSentinels } from './redis-sentinels.js';
import { startRedisServer } from './redis-server.js';
import { testRedisUrl } from './test-redis.js';

/**
 * For a suite that shares its Redis with no other, such as one about what a deployment keeps beyond regions: an empty one,
 * a Sentinel or a Cluster where this test run is on one, in each case without TLS.
 */
export async function startOwnTestRedis(): Promise<{ url: string; stop(): Promise<void> }> {
  const dir = await mkdtemp(join(tmpdir(), 'aegis-own-redis-'));
  const redis = await startLike(testRedisUrl(), dir);
  return {
    url: redis.url,
    async stop() {
      await redis.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

function startLike(url: string, dir: string): Promise<{ url: string; stop(): Promise<void> }> {
  const settings = { appendonly: 'no' };
  if (url.startsWith('redis+cluster:') || url.startsWith('rediss+cluster:'))
    return startRedisCluster({ dir, settings });
  if (url.startsWith('redis+sentinel:') || url.startsWith('rediss+sentinel:'))
    return startRedisSentinels({ dir, replicas: 1, settings });
  return startRedisServer({ dir, settings });
}
