// The node of a cluster that serves a region is killed under creates and deletes, and its replica takes over.

import { type RedisCluster, startRedisCluster } from '@aegis/local-stack';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { expectNothingLost } from './expect-nothing-lost.js';
import { type FailoverStack, startFailoverStack } from './failover-stack.js';
import { type FailoverTraffic, startFailoverTraffic } from './failover-traffic.js';
import { waitFor } from './wait-for.js';

const KEY = '{aegis:us-east-1}';
const OTHERS = ['{aegis:eu-west-1}', '{aegis:ap-southeast-2}'];

let stack: FailoverStack<RedisCluster>;
let traffic: FailoverTraffic;
let shards: Set<number>;

beforeAll(async () => {
  stack = await startFailoverStack(startRedisCluster);
  const { redis, trouble } = stack;
  shards = new Set((await Promise.all([KEY, ...OTHERS].map(redis.masterOf))).map(({ port }) => port));
  const regions = [{ region: 'us-east-1' }, { region: 'us-east-1' }, { region: 'eu-west-1' }];
  traffic = startFailoverTraffic(trouble.relaysUrl, regions);
  await waitFor('some acknowledged', 30_000, async () => traffic.acknowledged() >= 12);
  const master = await redis.masterOf(KEY);
  master.process.kill('SIGKILL');
  await redis.failedOver(KEY, master);
  // Its successor has no replica until it is back: what waits for one is refused so long.
  await master.process.start();
  const before = traffic.acknowledged();
  await waitFor('acknowledged again', 60_000, async () => traffic.acknowledged() >= before + 12);
  await traffic.stop();
}, 180_000);

afterAll(async () => {
  traffic?.abort();
  await stack?.stop();
}, 60_000);

test('the regions of the stack live on more than one node', () => {
  expect(shards.size).toBeGreaterThan(1);
});

test('what could not be kept for sure was refused with 503', () => {
  expect(traffic.refused()).toBeGreaterThan(0);
  expect([...traffic.refusals]).toEqual(['store_unavailable']);
});

test('both apps are ready again by themselves', () => stack.trouble.ready(30_000), 60_000);

test('no acknowledged create and no acknowledged delete is lost, and none came true twice', async () => {
  await expectNothingLost(stack.trouble, traffic);
}, 120_000);
