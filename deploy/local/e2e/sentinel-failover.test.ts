// The master is killed under creates and deletes, and the sentinels make a replica the master.

import { startRedisSentinels } from '@aegis/local-stack';
import { failoverSuite } from './failover-suite.js';

failoverSuite({
  startRedis: startRedisSentinels,
  async failOver(redis) {
    const master = await redis.master();
    master.process.kill('SIGKILL');
    await redis.failedOver(master);
  },
});
