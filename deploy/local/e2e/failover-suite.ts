import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { waitFor } from '../src/wait-for.js';
import { expectNothingLost } from './expect-nothing-lost.js';
import { type FailoverStack, startFailoverStack } from './failover-stack.js';
import { type FailoverTraffic, startFailoverTraffic } from './failover-traffic.js';

interface FailoverCourse<R> {
  startRedis: Parameters<typeof startFailoverStack<R & { url: string; stop(): Promise<void> }>>[0];
  /** Kills a master that serves us-east-1, under traffic, and resolves once another has taken over. */
  failOver(redis: R): Promise<void>;
}

/** A stack whose Redis fails over under creates and deletes, and what its clients may count on. */
export function failoverSuite<R>({ startRedis, failOver }: FailoverCourse<R>): void {
  let stack: FailoverStack<R>;
  let traffic: FailoverTraffic;

  beforeAll(async () => {
    stack = await startFailoverStack(startRedis);
    const regions = [{ region: 'us-east-1' }, { region: 'us-east-1' }, { region: 'eu-west-1' }];
    traffic = startFailoverTraffic(stack.trouble.relaysUrl, regions);
    await waitFor('some acknowledged', 30_000, async () => traffic.acknowledged() >= 12);
    await failOver(stack.redis);
    const before = traffic.acknowledged();
    await waitFor('acknowledged again', 60_000, async () => traffic.acknowledged() >= before + 12);
    await traffic.stop();
  }, 180_000);

  afterAll(async () => {
    traffic?.abort();
    await stack?.stop();
  }, 60_000);

  test('what could not be kept for sure was refused with 503', () => {
    expect(traffic.refused()).toBeGreaterThan(0);
    expect([...traffic.refusals]).toEqual(['store_unavailable']);
  });

  test('both apps are ready again by themselves', () => stack.trouble.ready(30_000), 60_000);

  test('no acknowledged create and no acknowledged delete is lost, and none came true twice', async () => {
    await expectNothingLost(stack.trouble, traffic);
  }, 120_000);
}
