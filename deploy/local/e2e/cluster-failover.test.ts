// The node of a cluster that serves a region is killed under creates and deletes, and its replica takes over.

import { startRedisCluster } from '@aegis/local-stack';
import { expect, test } from '@jest/globals';
import { failoverSuite } from './failover-suite.js';

const KEY = '{aegis:us-east-1}';
const OTHERS = ['{aegis:eu-west-1}', '{aegis:ap-southeast-2}'];

let shards: Set<number>;

failoverSuite({
  startRedis: startRedisCluster,
  async failOver(redis) {
    shards = new Set((await Promise.all([KEY, ...OTHERS].map(redis.masterOf))).map(({ port }) => port));
    const master = await redis.masterOf(KEY);
    master.process.kill('SIGKILL');
    await redis.failedOver(KEY, master);
    // Its successor has no replica until it is back: what waits for one is refused so long.
    await master.process.start();
  },
});

test('the regions of the stack live on more than one node', () => {
  expect(shards.size).toBeGreaterThan(1);
});
