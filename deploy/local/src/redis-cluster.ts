import { join } from 'node:path';
import { Redis } from 'ioredis';
import { freePort } from './free-port.js';
import { startReaper } from './reaper.js';
import { type RedisServer, startRedisServer } from './redis-server.js';
import { waitFor } from './wait-for.js';

export interface RedisCluster {
  /** `redis+cluster://…` of all nodes, `rediss+cluster://…` where they serve TLS. */
  readonly url: string;
  readonly nodes: readonly RedisServer[];
  /** The node that serves a key now, as the living nodes tell; it may have been killed. */
  masterOf(key: string): Promise<RedisServer>;
  /** Resolves once another node serves the key and the whole cluster is well. */
  failedOver(key: string, from: RedisServer): Promise<void>;
  stop(): Promise<void>;
}

export interface RedisClusterOptions {
  dir: string;
  settings?: Readonly<Record<string, string>>;
  /** Directives that name the nodes' certificate: they speak TLS, also among themselves. */
  tls?: Readonly<Record<string, string>>;
}

const MASTERS = 3;
const NODES = 2 * MASTERS;
const SLOTS = 16_384;
/** Shorter, and a busy machine passes for a dead node. */
const NODE_TIMEOUT_MS = 2_000;
const WITHIN_MS = 60_000;

interface Node {
  server: RedisServer;
  redis: Redis;
  busPort: number;
  id: string;
}

/** Three masters and a replica of each on 127.0.0.1; resolves once all slots are served and all replicas in step. */
export async function startRedisCluster(options: RedisClusterOptions): Promise<RedisCluster> {
  const reaper = startReaper();
  const nodes: Node[] = [];
  const stop = async (): Promise<void> => {
    for (const { redis } of nodes) redis.disconnect();
    await Promise.all(nodes.map(({ server }) => server.stop()));
    await reaper.stop();
  };
  try {
    for (let at = 1; at <= NODES; at++) {
      const busPort = await freePort();
      const tls = options.tls && { 'tls-cluster': 'yes', 'tls-replication': 'yes', ...options.tls };
      const settings = {
        'cluster-enabled': 'yes',
        'cluster-port': String(busPort),
        'cluster-node-timeout': String(NODE_TIMEOUT_MS),
        'repl-diskless-sync-delay': '0',
        ...options.settings,
      };
      const server = await startRedisServer({
        ...{ dir: join(options.dir, `node-${at}`), reaper, settings },
        ...(tls && { tls }),
      });
      const redis = new Redis(server.url, { maxRetriesPerRequest: 0 });
      redis.on('error', () => undefined);
      nodes.push({ server, redis, busPort, id: String(await redis.cluster('MYID')) });
    }
    await joinNodes(nodes);
  } catch (error) {
    await stop();
    throw error;
  }
  const masterOf = (key: string) => masterOfKey(nodes, key);
  return {
    url: `${options.tls ? 'rediss' : 'redis'}+cluster://${nodes.map(({ server }) => `127.0.0.1:${server.tlsPort || server.port}`).join(',')}`,
    nodes: nodes.map(({ server }) => server),
    masterOf,
    async failedOver(key, from) {
      await waitFor('another node serves the key', WITHIN_MS, async () => {
        if ((await masterOf(key)) === from) return false;
        const living = nodes.filter(({ server }) => server.process.running);
        const states = await Promise.all(living.map(({ redis }) => redis.cluster('INFO')));
        return states.every((info) => String(info).includes('cluster_state:ok'));
      });
    },
    stop,
  };
}

/** By hand, and so within a second or two: `redis-cli --cluster create` waits in whole seconds. */
async function joinNodes(nodes: readonly Node[]): Promise<void> {
  const [first] = nodes;
  if (!first) return;
  const masters = nodes.slice(0, MASTERS);
  for (const [at, { redis, server, busPort }] of nodes.entries()) {
    await redis.cluster('SET-CONFIG-EPOCH', at + 1);
    if (at < MASTERS) {
      const from = Math.floor((at * SLOTS) / MASTERS);
      await redis.call('CLUSTER', 'ADDSLOTSRANGE', from, Math.floor(((at + 1) * SLOTS) / MASTERS) - 1);
    }
    if (at > 0) await first.redis.call('CLUSTER', 'MEET', '127.0.0.1', server.tlsPort || server.port, busPort);
  }
  const sees = async ({ redis }: Node) => String(await redis.cluster('INFO'));
  await waitFor('the nodes know each other', WITHIN_MS, async () =>
    (await Promise.all(nodes.map(sees))).every((info) => info.includes(`cluster_known_nodes:${NODES}`)),
  );
  for (const [at, { redis }] of nodes.slice(MASTERS).entries()) {
    const { id = '' } = masters[at] ?? {};
    await waitFor('a node becomes a replica', WITHIN_MS, async () => {
      await redis.cluster('REPLICATE', id);
      return true;
    });
  }
  await waitFor('the cluster is well', WITHIN_MS, async () => {
    const states = await Promise.all(nodes.map(sees));
    const roles = await Promise.all(masters.map(({ redis }) => redis.info('replication')));
    return (
      states.every((info) => info.includes('cluster_state:ok')) && roles.every((info) => info.includes('state=online'))
    );
  });
}

async function masterOfKey(nodes: readonly Node[], key: string): Promise<RedisServer> {
  const asked = nodes.find(({ server }) => server.process.running);
  if (!asked) throw new Error('no node of the cluster runs');
  const slot = Number(await asked.redis.cluster('KEYSLOT', key));
  const ranges = await asked.redis.cluster('SLOTS');
  const port = ranges.find(([from, to]) => slot >= from && slot <= to)?.[2]?.[1];
  const found = nodes.find(({ server }) => server.port === port);
  if (!found) throw new Error(`no node of the cluster serves slot ${slot}`);
  return found.server;
}
