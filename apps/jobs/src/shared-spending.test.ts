import { once } from 'node:events';
import { createEc2Provider, type Spending } from '@aegis/ec2';
import { connectTestRedis } from '@aegis/local-stack';
import { regionPrefix } from '@aegis/relays';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createSharedSpending } from './shared-spending.js';

const region = `us-spend${process.pid}-1`;
const channel = `${regionPrefix(region)}:spending`;
const publisher = connectTestRedis('jobs');
const subscribers = [connectTestRedis('jobs'), connectTestRedis('jobs')] as const;

/** A replica's view of the buckets, and the next thing that it hears. */
function replica(self: string, subscriber: (typeof subscribers)[number]) {
  const heard: Spending[] = [];
  const cloud = createEc2Provider({ regions: [region], observer: { operation() {}, retry() {}, retryExhausted() {} } });
  const shared = createSharedSpending({
    publisher,
    subscriber,
    regions: [region],
    self,
    note: (from, spending) => {
      heard.push(spending);
      cloud.noteSpending(from, spending);
    },
  });
  return { shared, cloud, heard };
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

const said = (subscriber: (typeof subscribers)[number]) => once(subscriber, 'message');

test('what one replica takes from the buckets is missing in the other, and booked once in its own', async () => {
  const both = Promise.all(subscribers.map(said));
  first.shared.tell(region, { op: 'run_instances', requests: 5, instances: 300, drained: false });
  await both;
  expect(second.cloud.launchAllowance(region).instances).toBe(700);
  expect(second.cloud.launchAllowance(region).waitMs).toBeGreaterThan(0);
  expect(first.heard).toEqual([]);
  expect(first.cloud.launchAllowance(region)).toEqual({ instances: 1000, waitMs: 0 });
});

test('what a launch did not use goes back, and a throttle empties every view', async () => {
  const returned = said(subscribers[1]);
  first.shared.tell(region, { op: 'run_instances', requests: 0, instances: -300, drained: false });
  await returned;
  expect(second.cloud.launchAllowance(region).instances).toBe(1000);
  const drained = said(subscribers[0]);
  second.shared.tell(region, { op: 'run_instances', requests: 0, instances: 0, drained: true });
  await drained;
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
    const heard = said(subscribers[1]);
    await publisher.publish(channel, message);
    await heard;
  }
  expect(second.heard.length).toBe(before);
});
