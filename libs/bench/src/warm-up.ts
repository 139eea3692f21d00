import type { Stack } from '@aegis/local-stack';
import { Redis } from 'ioredis';
import { createApiClient } from './api-client.js';
import { openStores } from './seed/stores.js';

const AT_ONCE = 8;

/**
 * Brings every replica of the api, and the part of jobs that hears of creates, to the speed of a process that has been
 * serving for a while: V8 interprets what has run a few hundred times. In a region of its own whose launches are
 * stopped, so that neither EC2 nor the region that is measured hears of it, and no relay is left.
 */
export async function warmUp(stack: Stack, region: string, creates = 2_000): Promise<void> {
  const redis = new Redis(stack.redisUrl);
  const { front } = openStores(redis, region);
  try {
    await front.setFreeze(region, { launch: true });
    for (const { url } of stack.api) {
      const api = createApiClient(url, AT_ONCE);
      let left = creates;
      const cycle = async (): Promise<void> => {
        while (left-- > 0) {
          const { id } = await api.create({ region });
          await api.relay(id);
          await api.remove(id);
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, cycle));
      await api.close();
    }
  } finally {
    redis.disconnect();
  }
}
