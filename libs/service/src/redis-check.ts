import type { Logger } from '@aegis/logging';
import type { RedisClient } from './redis-client.js';
import { StartupError } from './startup-error.js';

export interface RedisFacts {
  version: string;
  maxmemoryPolicy: string | null;
  appendOnly: boolean | null;
  /** A replica takes no writes. */
  replica: boolean;
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
  const address = addressOf(client);
  await waitUntilReady(client, options.timeoutMs ?? 5_000);
  let info: string;
  try {
    info = await client.info();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    if (!error.message.startsWith('NOPERM')) throw new StartupError(unreachable(client, error), { cause: error });
    options.logger.warn('redis does not allow INFO: its version and maxmemory-policy are not checked', {
      redis: address,
    });
    return null;
  }
  const facts = readRedisInfo(info);
  const fault = redisFault(facts);
  if (fault !== null) throw new StartupError(`Redis at ${address} ${fault}`);
  if (facts.appendOnly === false) {
    options.logger.warn('redis has no append-only file: what it holds is lost when it restarts', { redis: address });
  }
  return facts;
}

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
      client.off('ready', onReady).off('error', onError).off('end', onEnd);
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
    client.on('ready', onReady).on('error', onError).on('end', onEnd);
  });
}

function accessRefusal(error: Error): string | null {
  if (/^(NOAUTH|WRONGPASS)|invalid username-password|invalid password/i.test(error.message)) {
    return 'refuses the user or password: check the ones in REDIS_URL';
  }
  if (/DB index is out of range/i.test(error.message)) return 'has no such database: check the number in REDIS_URL';
  const { code } = error as NodeJS.ErrnoException;
  if (code !== undefined && /CERT|SELF_SIGNED|ERR_TLS|ERR_SSL|EPROTO/.test(code)) {
    return `fails the TLS handshake (${code}): check rediss:// in REDIS_URL and give its CA in NODE_EXTRA_CA_CERTS`;
  }
  return null;
}

function unreachable(client: RedisClient, error: Error | null): string {
  const why = error === null ? 'no answer' : error.message || (error as NodeJS.ErrnoException).code || error.name;
  const otherwise = client.options.tls ? '; if it speaks no TLS, use redis:// instead of rediss://' : '';
  return `Redis at ${addressOf(client)} cannot be reached (${why}): start it, or set REDIS_URL to one that runs${otherwise}`;
}

/** Never the user or the password. */
function addressOf(client: RedisClient): string {
  const { host, port } = client.options;
  return `${host?.includes(':') ? `[${host}]` : host}:${port}`;
}
