import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '@aegis/logging';
import { Cluster, type Redis } from 'ioredis';
import { addressOf, type RedisClient } from './redis-client.js';
import { StartupError } from './startup-error.js';

export interface RedisFacts {
  version: string;
  maxmemoryPolicy: string | null;
  appendOnly: boolean | null;
  /** A replica takes no writes. */
  replica: boolean;
  /** A node of a Redis Cluster. */
  cluster: boolean;
}

export interface CheckRedisOptions {
  logger: Logger;
  /** How long Redis may take to answer for the first time. Milliseconds; default 5000. */
  timeoutMs?: number;
}

/** The first version with all commands the store's scripts and BullMQ use. */
const OLDEST_VERSION = [6, 2] as const;

/**
 * Start-up check: resolves when this Redis is reachable and fit to hold the relays, else rejects with a `StartupError`
 * of one line that says what to do. What an ACL forbids to ask is taken on trust, with a warning.
 */
export async function checkRedis(client: RedisClient, options: CheckRedisOptions): Promise<RedisFacts | null> {
  const timeoutMs = options.timeoutMs ?? 5_000;
  const deadline = performance.now() + timeoutMs;
  await waitUntilReady(client, timeoutMs);
  const inCluster = client instanceof Cluster;
  const servers = inCluster ? client.nodes('master') : [client];
  const [first = null] = await Promise.all(
    servers.map((server) => checkServer({ server, client, inCluster, deadline, logger: options.logger })),
  );
  return first;
}

interface CheckedServer {
  server: Redis;
  client: RedisClient;
  inCluster: boolean;
  /** By `performance.now()`. */
  deadline: number;
  logger: Logger;
}

/** A Redis that is busy for a moment, loading its data perhaps, is asked again. */
async function readInfo(server: Redis, deadline: number): Promise<string> {
  for (;;) {
    try {
      return await server.info();
    } catch (error) {
      const refused = error instanceof Error && /^(NOPERM|NOAUTH)/.test(error.message);
      if (refused || performance.now() > deadline) throw error;
      await delay(50);
    }
  }
}

async function checkServer({ server, client, inCluster, deadline, logger }: CheckedServer): Promise<RedisFacts | null> {
  const address = inCluster ? `${server.options.host}:${server.options.port}` : addressOf(client);
  let info: string;
  try {
    info = await readInfo(server, deadline);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    if (!error.message.startsWith('NOPERM')) throw new StartupError(unreachable(client, error), { cause: error });
    logger.warn('redis does not allow INFO: its version and maxmemory-policy are not checked', { redis: address });
    return null;
  }
  const facts = readRedisInfo(info);
  const fault = redisFault(facts) ?? (facts.cluster && !inCluster ? NODE_OF_CLUSTER : null);
  if (fault !== null) throw new StartupError(`Redis at ${address} ${fault}`);
  if (facts.appendOnly === false) {
    logger.warn('redis has no append-only file: what it holds is lost when it restarts', { redis: address });
  }
  return facts;
}

const NODE_OF_CLUSTER =
  'is a node of a Redis Cluster: start REDIS_URL with redis+cluster:// (rediss+cluster:// for TLS)';

export function readRedisInfo(info: string): RedisFacts {
  const fields = new Map(
    info.split(/\r?\n/).flatMap((line): [string, string][] => {
      const colon = line.indexOf(':');
      return colon > 0 ? [[line.slice(0, colon), line.slice(colon + 1)]] : [];
    }),
  );
  const appendOnly = fields.get('aof_enabled');
  return {
    version: fields.get('redis_version') ?? 'unknown',
    maxmemoryPolicy: fields.get('maxmemory_policy') ?? null,
    appendOnly: appendOnly === undefined ? null : appendOnly === '1',
    replica: fields.get('role') === 'slave',
    cluster: fields.get('cluster_enabled') === '1',
  };
}

/** Why this Redis must not be used, with what to do; null when it is fit. */
export function redisFault(facts: RedisFacts): string | null {
  const [major = Number.NaN, minor = 0] = facts.version.split('.').map(Number);
  if (major < OLDEST_VERSION[0] || (major === OLDEST_VERSION[0] && minor < OLDEST_VERSION[1])) {
    return `is version ${facts.version}: use Redis ${OLDEST_VERSION.join('.')} or newer`;
  }
  if (facts.maxmemoryPolicy !== null && facts.maxmemoryPolicy !== 'noeviction') {
    return `may evict data (maxmemory-policy ${facts.maxmemoryPolicy}): run CONFIG SET maxmemory-policy noeviction and keep it in redis.conf`;
  }
  if (facts.replica) return 'is a read-only replica: point REDIS_URL at the master';
  return null;
}

/** Waits out a Redis that is still starting; gives up at once where waiting cannot help. */
async function waitUntilReady(client: RedisClient, timeoutMs: number): Promise<void> {
  if (client.status === 'ready') return;
  const address = addressOf(client);
  await new Promise<void>((resolve, reject) => {
    let lastError: Error | null = null;
    const finish = (fault: StartupError | null): void => {
      clearTimeout(timer);
      client.off('ready', onReady);
      client.off('error', onError);
      client.off('node error', onError);
      client.off('end', onEnd);
      if (fault === null) resolve();
      else reject(fault);
    };
    const onReady = (): void => finish(null);
    const onEnd = (): void => finish(new StartupError(unreachable(client, lastError)));
    const onError = (error: Error): void => {
      lastError = error;
      const refusal = accessRefusal(error);
      if (refusal !== null) finish(new StartupError(`Redis at ${address} ${refusal}`, { cause: error }));
    };
    const timer = setTimeout(onEnd, timeoutMs);
    client.on('ready', onReady);
    client.on('error', onError);
    client.on('node error', onError);
    client.on('end', onEnd);
  });
}

function accessRefusal(error: Error): string | null {
  if (/^(NOAUTH|WRONGPASS)|invalid username-password|invalid password/i.test(error.message)) {
    return 'refuses the user or password: check the ones in REDIS_URL';
  }
  if (/cluster support disabled/i.test(error.message)) {
    return 'is no Redis Cluster: start REDIS_URL with redis:// or redis+sentinel:// (rediss for TLS)';
  }
  if (/DB index is out of range/i.test(error.message)) return 'has no such database: check the number in REDIS_URL';
  const { code } = error as NodeJS.ErrnoException;
  if (code !== undefined && /CERT|SELF_SIGNED|ERR_TLS|ERR_SSL|EPROTO/.test(code)) {
    return `fails the TLS handshake (${code}): check rediss:// in REDIS_URL and give its CA in AEGIS_REDIS_TLS_CA_PATH`;
  }
  return null;
}

function unreachable(client: RedisClient, error: Error | null): string {
  const why = error === null ? 'no answer' : error.message || (error as NodeJS.ErrnoException).code || error.name;
  const tls = client instanceof Cluster ? client.options.redisOptions?.tls : client.options.tls;
  const otherwise = tls ? '; if it speaks no TLS, use redis:// instead of rediss://' : '';
  return `Redis at ${addressOf(client)} cannot be reached (${why}): start it, or set REDIS_URL to one that runs${otherwise}`;
}
