import { createEc2Provider, type Spending } from '@aegis/ec2';
import { connectTestRedis } from '@aegis/local-stack';
import { regionPrefix } from '@aegis/relays';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createSharedSpending } from './shared-spending.js';

const region = `us-spend${process.pid}-1`;
const channel = `${regionPrefix(region)}:spending`;
const publisher = connectTestRedis('jobs');
const subscribers = [connectTestRedis('jobs'), connectTestRedis('jobs')] as const;

/** A replica's view of the buckets, and what it heard of the others. */
function replica(self: string, subscriber: (typeof subscribers)[number]) {
  const heard: Spending[] = [];
  const cloud = createEc2Provider({ regions: [region], observer: { operation() {}, retry() {}, retryExhausted() {} } });
  let told = () => {};
  const shared = createSharedSpending({
    publisher,
    subscriber,
    regions: [region],
    self,
    note: (from, spending) => {
      cloud.noteSpending(from, spending);
      heard.push(spending);
      told();
    },
  });
  return {
    shared,
    cloud,
    heard,
    async untilHeard(count: number): Promise<void> {
      while (heard.length < count) {
        await new Promise<void>((resolve) => {
          told = resolve;
        });
      }
    },
  };
}

const first = replica('first', subscribers[0]);
const second = replica('second', subscribers[1]);

beforeAll(async () => {
  for (const { shared } of [first, second]) shared.start();
  // Each is known to hear before anything is told.
  let deaf = subscribers.length;
  for (const subscriber of subscribers) subscriber.once('message', () => deaf--);
  while (deaf > 0) await publisher.publish(channel, 'hello');
});
afterAll(async () => {
  first.cloud.close();
  second.cloud.close();
  await Promise.all([publisher, ...subscribers].map((redis) => redis.quit()));
});

const run = (requests: number, instances: number, drained = false): Spending => ({
  op: 'run_instances',
  requests,
  instances,
  drained,
});

test('what one replica takes from the buckets is missing in the other, and booked once in its own', async () => {
  first.shared.tell(region, run(5, 300));
  await second.untilHeard(1);
  // Two a second come back meanwhile.
  expect(second.cloud.launchAllowance(region).instances).toBeGreaterThanOrEqual(700);
  expect(second.cloud.launchAllowance(region).instances).toBeLessThan(900);
  expect(second.cloud.launchAllowance(region).waitMs).toBeGreaterThan(0);
  // Its own message has reached it before the other's answer does.
  second.shared.tell(region, run(0, 0));
  await first.untilHeard(1);
  expect(first.heard).toEqual([run(0, 0)]);
  expect(first.cloud.launchAllowance(region)).toEqual({ instances: 1000, waitMs: 0 });
});

test('what a launch did not use goes back, and a throttle empties every view', async () => {
  first.shared.tell(region, run(0, -300));
  await second.untilHeard(2);
  expect(second.cloud.launchAllowance(region).instances).toBe(1000);
  second.shared.tell(region, run(0, 0, true));
  await first.untilHeard(2);
  expect(first.cloud.launchAllowance(region).waitMs).toBeGreaterThan(0);
});

test('what makes no sense is left alone', async () => {
  const before = second.heard.length;
  for (const message of [
    '',
    'third',
    'third fly_instances 1 1 0',
    'third run_instances 1 x 0',
    'third run_instances',
  ]) {
    await publisher.publish(channel, message);
  }
  first.shared.tell(region, run(1, 1));
  await second.untilHeard(before + 1);
  expect(second.heard.at(-1)).toEqual(run(1, 1));
});
