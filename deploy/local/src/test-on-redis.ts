// Runs test suites on Redis of another kind than the standalone one that `npm test` starts.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startRedisCluster } from './redis-cluster.js';
import { type SecuredKind, startSecuredRedis } from './redis-secured.js';
import { startRedisSentinels } from './redis-sentinels.js';
import { repositoryPath } from './repository.js';

interface TestedRedis {
  env: NodeJS.ProcessEnv;
  stop(): Promise<void>;
}

/** Beside six servers on a busy machine a test may take its time; what it expects is the same. */
const TEST_TIMEOUT_MS = 180_000;

/** As the standalone one of `npm test`. */
const QUICK = { appendonly: 'no' };

const START = {
  sentinel: async (dir: string): Promise<TestedRedis> => {
    const sentinels = await startRedisSentinels({ dir, replicas: 1, settings: QUICK });
    return { env: { AEGIS_TEST_REDIS_URL: sentinels.url }, stop: sentinels.stop };
  },
  cluster: async (dir: string): Promise<TestedRedis> => {
    const cluster = await startRedisCluster({ dir, settings: QUICK });
    return { env: { AEGIS_TEST_REDIS_URL: cluster.url }, stop: cluster.stop };
  },
  secured: (dir: string) => startSecured(dir, 'standalone'),
  'secured-sentinel': (dir: string) => startSecured(dir, 'sentinel'),
  'secured-cluster': (dir: string) => startSecured(dir, 'cluster'),
};
type Kind = keyof typeof START;
const KINDS = Object.keys(START) as Kind[];

/** TLS, and the users of docs/redis.md. */
async function startSecured(dir: string, kind: SecuredKind): Promise<TestedRedis> {
  const { url, urls, caPath, stop } = await startSecuredRedis({ dir, kind, settings: QUICK });
  const env = {
    AEGIS_TEST_REDIS_URL: url,
    AEGIS_TEST_REDIS_API_URL: urls.api,
    AEGIS_TEST_REDIS_JOBS_URL: urls.jobs,
    AEGIS_TEST_REDIS_CA: caPath,
    AEGIS_TEST_SECURED_KIND: kind,
  };
  return { env, stop };
}

/** All that reads or writes Redis. */
const SUITES = ['libs/relays', 'libs/queues', 'apps/jobs', 'apps/api/src'];

/** Of the store, the queues, a job, and a whole stack: what was run on a kind without TLS is not run on it again with. */
const SMOKE = [
  'libs/relays/src/redis-relay-store.test.ts',
  'libs/relays/src/relay-feed.test.ts',
  'libs/queues/src/region-worker.test.ts',
  'apps/jobs/src/launch/relay-launch.test.ts',
  'deploy/local/e2e/redis-secured.test.ts',
];
const SUITES_OF: Partial<Record<Kind, string[]>> = { 'secured-sentinel': SMOKE, 'secured-cluster': SMOKE };

async function runOn(kind: Kind, args: readonly string[]): Promise<boolean> {
  const dir = await mkdtemp(join(tmpdir(), `aegis-test-${kind}-`));
  const redis = await START[kind](dir);
  try {
    console.log(`\n== ${kind}: ${redis.env.AEGIS_TEST_REDIS_URL}`);
    const jest = repositoryPath('node_modules/jest/bin/jest.js');
    const node = ['--experimental-vm-modules', '--no-warnings'];
    const child = spawn(process.execPath, [...node, jest, '--testTimeout', String(TEST_TIMEOUT_MS), ...args], {
      cwd: repositoryPath('.'),
      env: { ...process.env, ...redis.env },
      stdio: 'inherit',
    });
    const [code] = await once(child, 'exit');
    return code === 0;
  } finally {
    await redis.stop();
    await rm(dir, { recursive: true, force: true });
  }
}

const given = process.argv.slice(2);
const kinds = KINDS.filter((kind) => given.includes(kind));
const paths = given.filter((arg) => !KINDS.includes(arg as Kind));
const failed: Kind[] = [];
for (const kind of kinds.length > 0 ? kinds : KINDS) {
  if (!(await runOn(kind, paths.length > 0 ? paths : (SUITES_OF[kind] ?? SUITES)))) failed.push(kind);
}
if (failed.length > 0) {
  console.error(`\nfailed on: ${failed.join(', ')}`);
  process.exitCode = 1;
}
