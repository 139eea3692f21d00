import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startTroubleStack, type TroubleStack } from './trouble-stack.js';

export interface FailoverStack<R> {
  redis: R;
  trouble: TroubleStack;
  stop(): Promise<void>;
}

/** A whole stack on a Redis that can fail over. A write counts once one replica has it. */
export async function startFailoverStack<R extends { url: string; stop(): Promise<void> }>(
  startRedis: (options: { dir: string; settings: Record<string, string> }) => Promise<R>,
): Promise<FailoverStack<R>> {
  const dir = await mkdtemp(join(tmpdir(), 'aegis-failover-'));
  const redis = await startRedis({ dir, settings: { appendfsync: 'everysec' } });
  const stopRedis = async (): Promise<void> => {
    await redis.stop();
    await rm(dir, { recursive: true, force: true });
  };
  try {
    const trouble = await startTroubleStack({
      redisUrl: redis.url,
      env: { AEGIS_REDIS_WAIT_REPLICAS: '1' },
    });
    return {
      redis,
      trouble,
      async stop() {
        await trouble.stack.stop();
        await stopRedis();
      },
    };
  } catch (error) {
    await stopRedis();
    throw error;
  }
}
