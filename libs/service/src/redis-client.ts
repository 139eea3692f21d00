import type { Socket } from 'node:net';
import type { Logger } from '@aegis/logging';
import { Redis, type RedisOptions } from 'ioredis';
import { parseRedisUrl } from './redis-url.js';

/** Apps name this type, not ioredis': a Cluster client joins it later. */
export type RedisClient = Redis;

/**
 * - `store`: request paths and job runs. Fails within 0.6 s rather than wait for a Redis that is away.
 * - `queue`: BullMQ producers. Fails as fast: what could not be triggered is found by the next safety tick.
 * - `blocking`: handed to BullMQ workers, which share it and duplicate it for their blocking reads. Waits for Redis to
 *   come back, as BullMQ requires (`maxRetriesPerRequest: null`).
 */
export type RedisRole = 'store' | 'queue' | 'blocking';

export interface ConnectRedisOptions {
  url: string;
  role: RedisRole;
  /** Seen in `CLIENT LIST`: `aegis-api:store`. */
  connectionName: string;
  logger: Logger;
  /** Called on each change, first when the first connection stands. */
  onUp?: () => void;
  onDown?: (error: Error | null) => void;
}

/** Milliseconds. */
const COMMAND_TIMEOUT = 600;
const CONNECT_TIMEOUT = 2_000;
/** A connection whose peer vanished without a word would else hang until TCP gives up, a quarter of an hour later. */
const SILENT_SOCKET_TIMEOUT = 2_000;
/** Longer than the 10 s BullMQ's blocking reads may take. */
const SILENT_BLOCKING_SOCKET_TIMEOUT = 30_000;
/** How long a closed connection may take to end before it is cut. */
const DISCONNECT_TIMEOUT = 200;
const LONGEST_RECONNECT_DELAY = 1_000;

function roleOptions(role: RedisRole): Omit<RedisOptions, 'replyMapping'> {
  switch (role) {
    case 'store':
    case 'queue':
      return {
        // Nothing waits in memory for a Redis that is away, so nothing is stored long after its caller was told 503.
        enableOfflineQueue: false,
        maxRetriesPerRequest: 0,
        commandTimeout: COMMAND_TIMEOUT,
        socketTimeout: SILENT_SOCKET_TIMEOUT,
        reconnectOnError: (error) => (isReadOnly(error) ? 1 : false),
      };
    case 'blocking':
      return {
        enableOfflineQueue: true,
        maxRetriesPerRequest: null,
        socketTimeout: SILENT_BLOCKING_SOCKET_TIMEOUT,
        reconnectOnError: (error) => (isReadOnly(error) ? 2 : false),
      };
  }
}

/** After a failover the address may still lead to the old master, now a replica: connecting again finds the new one. */
function isReadOnly(error: Error): boolean {
  return error.message.startsWith('READONLY');
}

/** 50 ms, doubling to 1 s, with jitter so that many replicas do not return in step. */
function reconnectDelay(attempt: number): number {
  const ceiling = Math.min(50 * 2 ** Math.min(attempt - 1, 10), LONGEST_RECONNECT_DELAY);
  return Math.ceil(ceiling * (0.5 + Math.random() / 2));
}

/**
 * The one place where Redis clients are made. Returns at once and connects in the background; `checkRedis` waits for it.
 * It reconnects for ever, and says in the log when Redis goes and comes.
 */
export function connectRedis(options: ConnectRedisOptions): RedisClient {
  const target = parseRedisUrl(options.url);
  const client = new Redis({
    ...target.options,
    ...roleOptions(options.role),
    connectionName: options.connectionName,
    connectTimeout: CONNECT_TIMEOUT,
    disconnectTimeout: DISCONNECT_TIMEOUT,
    retryStrategy: reconnectDelay,
    maxLoadingRetryTime: 500,
  });
  reportConnection(client, target.address, options);
  // Not for blocking reads, which wait alone on their connection.
  if (options.role !== 'blocking') client.on('connect', () => groupWrites(client.stream as Socket));
  return client;
}

/**
 * Sends what one turn of the event loop has to say with one system call, in the same order: under load most of a
 * command's cost, here and in Redis, is that of the call. At rest it leaves in the same turn as ever.
 */
function groupWrites(socket: Socket): void {
  const send = socket.write.bind(socket) as (...args: unknown[]) => boolean;
  socket.write = (...args: unknown[]) => {
    if (socket.writableCorked === 0) {
      socket.cork();
      setImmediate(() => socket.uncork());
    }
    return send(...args);
  };
}

function reportConnection(client: Redis, address: string, options: ConnectRedisOptions): void {
  const logger = options.logger.child({ redis: address, role: options.role });
  let up: boolean | null = null;
  let lastError: Error | null = null;
  client.on('error', (error) => {
    lastError = error;
  });
  client.on('ready', () => {
    if (up === false) logger.info('redis is back');
    up = true;
    lastError = null;
    options.onUp?.();
  });
  // Not 'close': that one is also emitted when we close the connection ourselves.
  client.on('reconnecting', () => {
    if (up === false) return;
    up = false;
    logger.warn('redis is away, reconnecting', { error: lastError });
    options.onDown?.(lastError);
  });
}

/** Lets replies in flight arrive, then closes; cuts the connection when Redis does not answer. */
export async function closeRedis(client: RedisClient): Promise<void> {
  if (client.status === 'end') return;
  if (client.status !== 'ready') return client.disconnect();
  let timer: NodeJS.Timeout | undefined;
  const ended = new Promise<void>((resolve) => {
    client.once('end', () => resolve());
    timer = setTimeout(() => client.disconnect(), COMMAND_TIMEOUT);
  });
  client.quit().catch(() => client.disconnect());
  await ended;
  clearTimeout(timer);
}
