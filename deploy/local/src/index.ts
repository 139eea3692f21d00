export { freePort } from './free-port.js';
export type { ManagedProcess, ProcessExit } from './managed-process.js';
export { type RedisCluster, startRedisCluster } from './redis-cluster.js';
export { type SecuredRedis, startSecuredRedis } from './redis-secured.js';
export { type RedisSentinels, startRedisSentinels } from './redis-sentinels.js';
export { type RedisServer, type RedisServerOptions, startRedisServer } from './redis-server.js';
export { type Stack, startStack } from './stack.js';
export type { StackOptions } from './stack-options.js';
export { connectTestRedis, connectTo, deleteKeys, keysOf, monitorAll, testRedisUrl } from './test-redis.js';
