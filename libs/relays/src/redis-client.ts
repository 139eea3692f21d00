import type { Cluster, Redis } from 'ioredis';

/** A Redis client as the store uses it; a cluster client routes by the hash tag in each key. */
export type RedisClient = Redis | Cluster;
