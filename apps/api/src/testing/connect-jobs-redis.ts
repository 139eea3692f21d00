import type { AegisConfig } from '@aegis/config';
import { connectTo, testRedisUrl } from '@aegis/local-stack';
import type { RedisClient } from '@aegis/relays';

/** To play the part of the jobs: where Redis has ACL users, theirs. */
export function connectJobsRedis({ redisUrl }: AegisConfig): RedisClient {
  return connectTo(redisUrl === testRedisUrl('api') ? testRedisUrl('jobs') : redisUrl);
}
