import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { freePort } from './free-port.js';
import { ManagedProcess } from './managed-process.js';
import { type Reaper, startReaper } from './reaper.js';
import { answersPing, type RedisServer, startRedisServer } from './redis-server.js';
import { waitFor } from './wait-for.js';

export interface RedisSentinels {
  /** `redis+sentinel://…` of all sentinels, `rediss+sentinel://…` where they and the servers speak TLS. */
  readonly url: string;
  /** The server that is the master now, as the sentinels tell; it may have been killed. */
  master(): Promise<RedisServer>;
  readonly servers: readonly RedisServer[];
  /** Resolves once a server other than the given one is the master. */
  failedOver(from: RedisServer): Promise<void>;
  stop(): Promise<void>;
}

export interface RedisSentinelsOptions {
  dir: string;
  /** 2 by default. */
  replicas?: number;
  settings?: Readonly<Record<string, string>>;
  /** Directives that name the certificate of servers and sentinels: all of them speak TLS, also among themselves. */
  tls?: Readonly<Record<string, string>>;
}

const MASTER_NAME = 'aegis';
const SENTINELS = 3;
const DOWN_AFTER_MS = 1_000;
const WITHIN_MS = 60_000;

/** A master, its replicas and three sentinels, all on 127.0.0.1; resolves once they know each other. */
export async function startRedisSentinels(options: RedisSentinelsOptions): Promise<RedisSentinels> {
  const reaper = startReaper();
  const servers: RedisServer[] = [];
  const sentinels: Sentinel[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all([...sentinels.map(({ process }) => process), ...servers].map((part) => part.stop()));
    await reaper.stop();
  };
  try {
    const replicas = options.replicas ?? 2;
    const tls = options.tls && { 'tls-replication': 'yes', ...options.tls };
    const start = async (name: string, settings: Record<string, string>) =>
      startRedisServer({
        ...{ dir: join(options.dir, name), reaper, settings: { ...settings, ...options.settings } },
        ...(tls && { tls }),
      });
    const master = await start('server-1', {});
    servers.push(master);
    const following = Array.from({ length: replicas }, (_, at) =>
      start(`server-${at + 2}`, { replicaof: `127.0.0.1 ${portOf(master)}`, 'repl-diskless-sync-delay': '0' }),
    );
    servers.push(...(await Promise.all(following)));
    await waitFor('the replicas are in step', WITHIN_MS, async () => (await inStep(master)) === replicas);
    for (let at = 1; at <= SENTINELS; at++) {
      const dir = join(options.dir, `sentinel-${at}`);
      sentinels.push(await createSentinel({ dir, masterPort: portOf(master), reaper, tls }));
    }
    await Promise.all(sentinels.map(({ process }) => process.start()));
    await Promise.all(
      sentinels.map((sentinel) => waitFor('the sentinels know each other', WITHIN_MS, knows(sentinel, replicas))),
    );
  } catch (error) {
    await stop();
    throw error;
  }
  const masterPort = async (): Promise<number> => {
    const [, port] = (await ask(sentinels[0], 'get-master-addr-by-name')) as [string, string];
    return Number(port);
  };
  return {
    url: `${options.tls ? 'rediss' : 'redis'}+sentinel://${sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',')}/${MASTER_NAME}`,
    servers,
    async master() {
      const port = await masterPort();
      const server = servers.find((one) => portOf(one) === port);
      if (!server) throw new Error(`the sentinels name an unknown master on port ${port}`);
      return server;
    },
    failedOver: async (from) =>
      void (await waitFor('another master', WITHIN_MS, async () => (await masterPort()) !== portOf(from))),
    stop,
  };
}

interface Sentinel {
  process: ManagedProcess;
  /** Where clients reach it. */
  port: number;
}

/** By which the others and clients know a server. */
function portOf({ port, tlsPort }: RedisServer): number {
  return tlsPort || port;
}

/** How many replicas follow a server without a lag. */
async function inStep({ url }: RedisServer): Promise<number> {
  const info = await once(url, (redis) => redis.info('replication'));
  return info.split('state=online').length - 1;
}

interface SentinelOptions {
  dir: string;
  masterPort: number;
  reaper: Reaper;
  tls: Readonly<Record<string, string>> | undefined;
}

async function createSentinel({ dir, masterPort, reaper, tls }: SentinelOptions): Promise<Sentinel> {
  const port = await freePort();
  const tlsPort = tls === undefined ? 0 : await freePort();
  await mkdir(dir, { recursive: true });
  const file = join(dir, 'sentinel.conf');
  // A sentinel keeps its state in this file.
  await writeFile(
    file,
    [
      `port ${port}`,
      ...(tlsPort ? [`tls-port ${tlsPort}`] : []),
      ...Object.entries(tls ?? {}).map((directive) => directive.join(' ')),
      'bind 127.0.0.1',
      `dir ${dir}`,
      `sentinel monitor ${MASTER_NAME} 127.0.0.1 ${masterPort} 2`,
      `sentinel down-after-milliseconds ${MASTER_NAME} ${DOWN_AFTER_MS}`,
      `sentinel failover-timeout ${MASTER_NAME} 5000`,
      '',
    ].join('\n'),
  );
  const managed = new ManagedProcess({
    name: 'sentinel',
    command: 'redis-server',
    args: [file, '--sentinel'],
    env: process.env,
    logFile: join(dir, 'sentinel.log'),
    url: `redis://127.0.0.1:${port}`,
    isReady: (signal) => answersPing(port, signal),
    readyTimeoutMs: 20_000,
    stopTimeoutMs: 10_000,
    reaper,
  });
  return { process: managed, port: tlsPort || port };
}

function knows(sentinel: Sentinel, replicas: number): () => Promise<boolean> {
  return async () => {
    const flat = (await ask(sentinel, 'master')) as string[];
    const field = (name: string) => Number(flat[flat.indexOf(name) + 1]);
    return field('num-slaves') === replicas && field('num-other-sentinels') === SENTINELS - 1;
  };
}

function ask(sentinel: Sentinel | undefined, question: string): Promise<unknown> {
  return once(sentinel?.process.url ?? '', (redis) => redis.call('SENTINEL', question, MASTER_NAME));
}

async function once<T>(url: string, work: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url, { retryStrategy: null });
  redis.on('error', () => undefined);
  try {
    return await work(redis);
  } finally {
    redis.disconnect();
  }
}
