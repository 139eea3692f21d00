import { readFileSync } from 'node:fs';
import { Cluster, Redis } from 'ioredis';

/** Who asks: the tests themselves, or the product in the role of one of its apps. */
export type TestRedisUser = 'tests' | 'api' | 'jobs';

/**
 * Where the Redis of this test run is: a standalone one by default, of whatever kind under `npm run test:redis`. Where it
 * has ACL users, each app's part has that app's.
 */
export function testRedisUrl(user: TestRedisUser = 'tests'): string {
  const { AEGIS_TEST_REDIS_URL = '', AEGIS_TEST_REDIS_API_URL, AEGIS_TEST_REDIS_JOBS_URL } = process.env;
  const urls = { tests: undefined, api: AEGIS_TEST_REDIS_API_URL, jobs: AEGIS_TEST_REDIS_JOBS_URL };
  return urls[user] ?? AEGIS_TEST_REDIS_URL;
}

/** A plain client of it, which waits for Redis as long as it takes. */
export function connectTestRedis(user: TestRedisUser = 'tests'): Redis | Cluster {
  return connectTo(testRedisUrl(user));
}

export function connectTo(url: string): Redis | Cluster {
  const { protocol, username, password, hosts, path } = partsOf(url);
  const login = { ...(username && { username }), ...(password && { password }) };
  const { AEGIS_TEST_REDIS_CA: caPath } = process.env;
  const tls = protocol.startsWith('rediss') && { tls: { ...(caPath && { ca: readFileSync(caPath) }) } };
  const common = { ...login, ...tls, maxRetriesPerRequest: null };
  const addresses = hosts.map((host) => ({ host: host.split(':')[0] ?? '', port: Number(host.split(':')[1]) }));
  switch (protocol) {
    case 'redis+cluster':
    case 'rediss+cluster':
      return new Cluster(addresses, { redisOptions: common });
    case 'redis+sentinel':
    case 'rediss+sentinel':
      return new Redis({
        ...{ ...common, sentinels: addresses, name: path },
        ...(tls && { sentinelTLS: tls.tls, enableTLSForSentinelMode: true }),
      });
    default:
      return new Redis({ ...common, ...addresses[0] });
  }
}

/** The servers that hold keys. Resolves once the client is connected. */
async function mastersOf(redis: Redis | Cluster): Promise<Redis[]> {
  if (!redis.isCluster) return [redis as Redis];
  await redis.ping();
  return (redis as Cluster).nodes('master');
}

/** Sees every command on whichever server; each is to be disconnected. */
export async function monitorAll(redis: Redis | Cluster): Promise<Redis[]> {
  if (!redis.isCluster) return [await (redis as Redis).monitor()];
  const servers = (await mastersOf(redis)).map((master) => master.duplicate({ lazyConnect: true }));
  return Promise.all(servers.map((server) => server.monitor()));
}

/** All keys of a pattern, on whichever servers. */
export async function keysOf(redis: Redis | Cluster, pattern: string): Promise<string[]> {
  const found = await Promise.all((await mastersOf(redis)).map((master) => master.keys(pattern)));
  return found.flat();
}

export async function deleteKeys(redis: Redis | Cluster, pattern: string): Promise<void> {
  // One by one: they need not share a slot.
  await Promise.all((await keysOf(redis, pattern)).map((key) => redis.del(key)));
}

function partsOf(url: string) {
  const parts =
    /^(?<protocol>[^:]+):\/\/(?:(?<username>[^:@]*):(?<password>[^@]*)@)?(?<hosts>[^/]+)(?:\/(?<path>.*))?$/.exec(url);
  const { protocol = '', username = '', password = '', hosts = '', path = '' } = parts?.groups ?? {};
  return { protocol, username, password, hosts: hosts.split(','), path };
}
