import { randomBytes, randomInt, randomUUID } from 'node:crypto';
import { createRedisFleetStore, issueLaunchToken, newIntentId, type RelayTiming, relayTiming } from '@aegis/relays';
import { connectJobsRedis } from './connect-jobs-redis.js';
import type { TestApi } from './test-api.js';

/** Plays the background jobs' part for the relays of a test api: the store's real scripts, without EC2. */
export interface TestFleet {
  /** Records an instance for a pending relay and answers what its agent would hold. */
  launch(relayId: string): Promise<{ instanceId: string; launchToken: string }>;
  /** EC2 tells the address of a launched relay. */
  running(relayId: string, instanceId: string, address?: string): Promise<void>;
  /** EC2 no longer knows its instance. */
  gone(relayId: string, instanceId: string): Promise<void>;
  close(): Promise<void>;
}

export function createTestFleet(api: TestApi): TestFleet {
  const redis = connectJobsRedis(api.config);
  const timing: RelayTiming = relayTiming(api.config.relays);
  const store = createRedisFleetStore({ redis, timing, newToken: randomUUID });
  const { region } = api;

  const observe = async (relayId: string, instanceId: string, seen: 'running' | 'gone', address: string | null) => {
    const fence = await store.beginRun(region, 'relay_boot_watch');
    await store.observe(fence, [{ relayId, instanceId, seen, address, note: seen }], Date.now());
  };
  return {
    async launch(relayId) {
      const now = Date.now();
      const fence = await store.beginRun(region, 'relay_launch');
      const intentId = newIntentId(region, now, randomInt);
      const instanceId = `i-${randomBytes(8).toString('hex')}0`;
      await store.openIntent(fence, { id: intentId, relayIds: [relayId], request: {}, openedAt: now });
      await store.settleIntent(fence, {
        intentId,
        now,
        awsRequestId: 'aws-request-1',
        instanceType: 't3.micro',
        launched: [{ relayId, instanceId, dead: false }],
        without: { relayIds: [], fate: 'requeue', code: 'none' },
      });
      return { instanceId, launchToken: issueLaunchToken(api.config.secret, intentId) };
    },
    running: (relayId, instanceId, address = '198.51.100.7') => observe(relayId, instanceId, 'running', address),
    gone: (relayId, instanceId) => observe(relayId, instanceId, 'gone', null),
    close: async () => {
      await redis.quit();
    },
  };
}
