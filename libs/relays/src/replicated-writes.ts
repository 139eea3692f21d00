import { type Cluster, Command, type Redis } from 'ioredis';
import type { RedisClient } from './redis-client.js';

/** How many replicas must hold a write before it counts as done, and how long they may take. */
export interface ReplicaWait {
  /** 0: none, the master alone is trusted. */
  replicas: number;
  timeoutMs: number;
}

/** The write was carried out on the master, and may be lost if that fails now: it must not be acknowledged. */
export class NotReplicatedError extends Error {
  override readonly name = 'NotReplicatedError';
}

export interface ReplicatedWrites {
  /**
   * Carries out a write, or the read of what an earlier one wrote, on the connection it is given, and resolves once
   * enough replicas hold all that the master had said by then.
   * @throws NotReplicatedError
   */
  run<T>(key: string, write: (redis: RedisClient) => Promise<T>): Promise<T>;
}

const MOST_REDIRECTIONS = 3;

/**
 * With no replica to wait for, a write is a write and costs nothing more. Else `WAIT` follows it on its own connection to
 * its own server: asked of another one, such as the new master after a failover, it would vouch for what that never saw.
 */
export function createReplicatedWrites(redis: RedisClient, wait?: ReplicaWait): ReplicatedWrites {
  if (!wait || wait.replicas === 0) return { run: (_key, write) => write(redis) };
  const onServer = async <T>(server: Redis, write: (redis: RedisClient) => Promise<T>): Promise<T> => {
    const { stream } = server;
    const result = await write(server);
    if ((await nextWait(server, wait)) !== stream) throw new NotReplicatedError('the connection broke after the write');
    return result;
  };
  if (!redis.isCluster) return { run: (_key, write) => onServer(redis as Redis, write) };
  const cluster = redis as Cluster;
  return {
    async run(key, write) {
      for (let redirections = 0; ; redirections++) {
        try {
          return await onServer(serverOf(cluster, key), write);
        } catch (error) {
          if (!isRedirection(error)) throw error;
          // Nothing was carried out. The cluster client learns from its own redirection.
          if (redirections === MOST_REDIRECTIONS) throw new NotReplicatedError(`the slot of ${key} is being moved`);
          await cluster.exists(key);
        }
      }
    },
  };
}

/** The connection over which the cluster client itself would send a write of this key. */
function serverOf(cluster: Cluster, key: string): Redis {
  const address = cluster.slots[new Command('exists', [key]).getSlot()]?.[0];
  const server = cluster.nodes().find(({ options }) => `${options.host}:${options.port}` === address);
  if (server?.status !== 'ready') throw new Error("Cluster isn't ready: no connection to the master of a key");
  return server;
}

function isRedirection(error: unknown): boolean {
  return error instanceof Error && /^(MOVED|ASK) /.test(error.message);
}

type Stream = Redis['stream'];

/** `running` was sent too early for whoever comes now; all of those share the one after it. */
interface Waits {
  running: Promise<Stream>;
  next: Promise<Stream> | null;
}

const waitsOf = new WeakMap<Redis, Waits>();

/**
 * A `WAIT` that begins now or when the one under way is over; tells over which stream it went. It holds up its whole
 * connection: sharing it lets many writes pay for one.
 */
function nextWait(server: Redis, wait: ReplicaWait): Promise<Stream> {
  const waits = waitsOf.get(server);
  if (!waits) {
    const running = sendWait(server, wait);
    const begun: Waits = { running, next: null };
    waitsOf.set(server, begun);
    const onEnd = (): void => {
      if (begun.next === null) waitsOf.delete(server);
    };
    running.then(onEnd, onEnd);
    return running;
  }
  waits.next ??= waits.running
    .catch(() => undefined)
    .then(() => {
      waitsOf.delete(server);
      return nextWait(server, wait);
    });
  return waits.next;
}

async function sendWait(server: Redis, { replicas, timeoutMs }: ReplicaWait): Promise<Stream> {
  const { stream } = server;
  const reached = Number(await server.call('WAIT', replicas, timeoutMs));
  if (reached < replicas) {
    throw new NotReplicatedError(`${reached} of ${replicas} replicas have taken the write within ${timeoutMs} ms`);
  }
  return stream;
}
