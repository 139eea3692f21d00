import type { Socket } from 'node:net';
import type { Logger } from '@aegis/logging';
import { Cluster, type ClusterOptions, Redis, type RedisOptions } from 'ioredis';
import { type RedisAccess, redisConnectionOptions } from './redis-options.js';

/** Apps name this type, not ioredis'. Behind Sentinel it is one connection too, to whichever server is the master. */
export type RedisClient = Redis | Cluster;

/**
 * - `store`: request paths and job runs. Fails within 0.6 s rather than wait for a Redis that is away.
 * - `queue`: BullMQ producers. Fails as fast: what could not be triggered is found by the next safety tick.
 * - `blocking`: handed to BullMQ workers, which share it and duplicate it for their blocking reads. Waits for Redis to
 *   come back, as BullMQ requires (`maxRetriesPerRequest: null`).
 */
export type RedisRole = 'store' | 'queue' | 'blocking';

export interface ConnectRedisOptions {
  url: string;
  access?: RedisAccess;
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
/** How soon a cluster client that nobody redirects learns of a failover. */
const SLOTS_REFRESH_INTERVAL = 2_000;
const SLOTS_REFRESH_INTERVAL_BLOCKING = 10_000;

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
  const connection = redisConnectionOptions(options.url, options.access);
  const common = {
    ...connection.options,
    ...roleOptions(options.role),
    connectionName: options.connectionName,
    connectTimeout: CONNECT_TIMEOUT,
    disconnectTimeout: DISCONNECT_TIMEOUT,
    maxLoadingRetryTime: 500,
  };
  const { address } = connection.target;
  const blocking = options.role === 'blocking';
  if (connection.kind === 'cluster') {
    const client = new Cluster(connection.seeds, {
      redisOptions: common,
      clusterRetryStrategy: reconnectDelay,
      slotsRefreshInterval: blocking ? SLOTS_REFRESH_INTERVAL_BLOCKING : SLOTS_REFRESH_INTERVAL,
      ...clusterRoleOptions(options.role),
      dnsLookup: leaveToNodes,
    });
    // Not for blocking reads, which BullMQ makes on one node alone.
    if (!blocking) prepareNodes(client);
    reportConnection(client, address, options);
    addresses.set(client, address);
    return client;
  }
  const client = new Redis({
    ...common,
    retryStrategy: reconnectDelay,
    // Sentinels tell of a failover at once, even when the old master hangs and closes nothing.
    ...(connection.target.kind === 'sentinel' && { failoverDetector: !blocking }),
  });
  if (connection.target.kind === 'sentinel') surviveFailover(client);
  reportConnection(client, address, options);
  addresses.set(client, address);
  // Not for blocking reads, which wait alone on their connection.
  if (!blocking) client.on('connect', () => groupWrites(client.stream as Socket));
  return client;
}

const closed = new WeakSet<RedisClient>();

/**
 * ioredis 6.0 gives a client up for good when the sentinels tell of the failover while it asks them for the new master: what
 * is meant to cut the connection to the old one ends the search, and the failed search ends the client.
 */
function surviveFailover(client: Redis): void {
  client.on('end', () => {
    setTimeout(() => {
      if (closed.has(client) || client.status !== 'end') return;
      client.connect().catch(() => {
        // Told as an 'error' of the client, and tried again at its next 'end' or by its own retries.
      });
    }, reconnectDelay(1));
  });
}

/**
 * Names of seeds are resolved by whoever connects to the node, not before. A certificate names hosts: what the cluster
 * announces must reach the TLS client as it is. And while ioredis 6.0 resolves them to reconnect, its pool is empty: a
 * connection of before that ends only now then passes for the last one, the reconnect is abandoned ("Connection is aborted"),
 * no other is begun, and the client is in the state `close` for good. Its commands are refused or, where they wait, wait for
 * ever; BullMQ's worker never fetches another job (taskforcesh/bullmq#4138).
 */
const leaveToNodes: ClusterOptions['dnsLookup'] = (host, found) => found(null, host);

/** A cluster client retries by itself what roles that must fail fast leave to their callers. */
function clusterRoleOptions(role: RedisRole) {
  // For as long as a failover takes: BullMQ takes the error of giving up for one that a retry does not help, and a worker
  // may never fetch a job again.
  if (role === 'blocking') return { enableOfflineQueue: true, maxRedirections: Number.MAX_SAFE_INTEGER };
  return {
    enableOfflineQueue: false,
    // A command that may have been carried out before its connection broke is never sent a second time.
    retryDelayOnFailover: 0,
    // The answer says that nothing was done; it must not be done after its caller was told 503.
    retryDelayOnClusterDown: 0,
  };
}

/**
 * Connects to every node as soon as it is known, replicas too: after a failover a command finds a connection that stands,
 * where ioredis by itself would only begin to connect with the first one and refuse the next. But not before ioredis has
 * asked one of the nodes whether the cluster is well (`connect`): it would take the refusal of one that is still connecting
 * for a no, and begin anew, for ever where the cluster announces its nodes by other names than the URL.
 */
function prepareNodes(client: Cluster): void {
  const connect = (node: Redis): void => {
    if (node.status !== 'wait') return;
    node.connect().catch(() => {
      // Told as 'node error' of the cluster.
    });
  };
  client.on('+node', (node: Redis) => {
    node.on('connect', () => groupWrites(node.stream as Socket));
    if (client.status === 'connect' || client.status === 'ready') connect(node);
  });
  client.on('connect', () => client.nodes().forEach(connect));
}

const addresses = new WeakMap<RedisClient, string>();

/** For logs and faults: never the user or the password. */
export function addressOf(client: RedisClient): string {
  return addresses.get(client) ?? 'an unknown address';
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

function reportConnection(client: RedisClient, address: string, options: ConnectRedisOptions): void {
  const logger = options.logger.child({ redis: address, role: options.role });
  let up: boolean | null = null;
  let lastError: Error | null = null;
  const onError = (error: Error): void => {
    lastError = error;
  };
  client.on('error', onError);
  if (client instanceof Cluster) {
    client.on('node error', onError);
    // While a dead node is still known to the others, each command for it tries it anew: only who was there is gone.
    const seen = new WeakSet<Redis>();
    client.on('+node', (node: Redis) => node.once('ready', () => seen.add(node)));
    client.on('-node', (node: Redis) => {
      const { host, port } = node.options;
      if (!seen.has(node) || client.status !== 'ready') return;
      logger.info('redis node is gone', { node: `${host}:${port}`, error: lastError });
    });
  }
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
  closed.add(client);
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
  // After a QUIT ioredis goes on listening to the sentinels.
  if (client instanceof Redis && client.options.sentinels) client.disconnect();
}
