// Carries deploy/docker/Dockerfile out without an engine, twice, and runs what comes out as compose.yaml says: from the
// images' own root file systems, as their user, read-only, without privileges. `npm run test:images` starts it.

import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { callApi } from '../e2e/api-call.js';
import { guideBlock } from '../e2e/packaging/compose-guide.js';
import { startComposedRedis } from '../e2e/packaging/composed-redis.js';
import { composePath, readCompose, readEnvFile, SIMULATOR_ENV_FILE } from '../e2e/packaging/read-compose.js';
import { freePort } from '../src/free-port.js';
import { type Reaper, startReaper } from '../src/reaper.js';
import { waitFor } from '../src/wait-for.js';
import { carryOutDockerfile } from './carry-out-dockerfile.js';
import { missingForInRoot } from './in-root.js';
import { installedPackages, lockedPackages } from './installed-packages.js';
import { type Container, prepareContainer } from './run-container.js';
import { differences, digestTree, sizeOfTree, type TreeDigest } from './tree-digest.js';

const run = promisify(execFile);

const PROGRAMS = ['api', 'jobs', 'sim'] as const;
type Program = (typeof PROGRAMS)[number];
/** From the head of deploy/docker/simulator/aegis.yaml. */
const TRIAL_KEY = 'aegis-trial-key-for-the-simulator';
/** Two installations each, with an empty cache before the first. */
const BUILD_MS = 1_800_000;
/** Somewhat more than they have today: growth is to be noticed. */
const MOST_BYTES = 130e6;

const missing = missingForInRoot();
if (missing !== null) throw new Error(missing);

interface Built {
  stagesDir: string;
  digests: Record<Program, TreeDigest>;
}

let dir: string;
let reaper: Reaper;
let first: Built;
let second: Built;

async function build(name: string): Promise<Built> {
  const stagesDir = await carryOutDockerfile({ dir: join(dir, name), cacheDir: join(dir, 'cache') });
  const digestOf = (program: Program): Promise<TreeDigest> => digestTree(join(stagesDir, program));
  return {
    stagesDir,
    digests: { api: await digestOf('api'), jobs: await digestOf('jobs'), sim: await digestOf('sim') },
  };
}

const appOf = (program: Program): string => join(first.stagesDir, program, 'app');

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'aegis-images-'));
  reaper = startReaper();
  first = await build('first');
  second = await build('second');
}, BUILD_MS);

afterAll(async () => {
  await reaper.stop();
  await rm(dir, { recursive: true, force: true });
}, BUILD_MS);

test.each(PROGRAMS)('two builds of %s from one lock file are the same, file by file', (program) => {
  expect(differences(first.digests[program], second.digests[program])).toEqual([]);
  expect(first.digests[program].size).toBeGreaterThan(30);
});

describe.each(PROGRAMS)('the image %s', (program) => {
  test('holds what the lock file has for production, and no development dependency', async () => {
    const locked = lockedPackages();
    const installed = await installedPackages(appOf(program));
    expect(installed.filter((path) => !locked.has(path) || locked.get(path)?.dev === true)).toEqual([]);
    // The apps are bundles; api sends the files of one package as they are.
    if (program === 'sim') expect(installed).toContain('node_modules/zod');
    else expect(installed).toEqual(program === 'api' ? ['node_modules/swagger-ui-dist'] : []);
  });

  test('holds no sources, no tests, nothing that only a compiler reads', () => {
    const own = [...first.digests[program].keys()].filter((path) => !path.includes('node_modules'));
    expect(own).toContain('app/healthcheck.mjs');
    expect(own.filter((path) => /\.ts$|\.test\.|tsbuildinfo|package-lock|\/src(\/|$)/.test(path))).toEqual([]);
  });

  test('holds nothing its own user could write, or that makes whoever runs it root', () => {
    const rights = [...first.digests[program]].filter(([, about]) => !about.startsWith('link'));
    const open = rights.filter(([, about]) => {
      const [, mode = '', owner] = about.split(' ');
      return owner !== '0:0' || (Number.parseInt(mode, 8) & 0o6022) !== 0;
    });
    expect(open).toEqual([]);
  });
});

test('the AWS SDK is in the image of jobs alone', async () => {
  const holders: string[] = [];
  for (const program of PROGRAMS) {
    const app = appOf(program);
    const installed = (await installedPackages(app)).some((path) => /\/@(aws-sdk|smithy)\//.test(path));
    const scripts = [...first.digests[program].keys()].filter((path) => /^app\/.*\.m?js$/.test(path));
    const texts = await Promise.all(scripts.map((path) => readFile(join(first.stagesDir, program, path), 'utf8')));
    // The name of EC2's model, by which the SDK's client goes.
    if (installed || texts.some((text) => text.includes('com.amazonaws.ec2'))) holders.push(program);
  }
  expect(holders).toEqual(['jobs']);
});

describe('the services of compose.yaml with the simulator', () => {
  const compose = readCompose(readEnvFile(SIMULATOR_ENV_FILE));
  const containers = new Map<Program, Container>();
  const before = new Map<Program, TreeDigest>();
  let redis: Awaited<ReturnType<typeof startComposedRedis>>;

  /** The files of the secrets, as the guide has them made, and the configuration. */
  async function writeFiles(redisPort: number, password: string): Promise<Record<string, string>> {
    const secrets = {
      aegis_secret: 'a secret of this test and of nothing else',
      redis_url: `redis://:${password}@redis:${redisPort}`,
    };
    const files: Record<string, string> = { aegis: composePath(compose.configs.aegis?.file ?? '') };
    for (const [name, text] of Object.entries(secrets)) {
      files[name] = join(dir, name);
      await writeFile(join(dir, name), `${text}\n`, { mode: 0o444 });
    }
    return files;
  }

  beforeAll(async () => {
    const password = 'a-password-of-this-test';
    const passwordFile = join(dir, 'redis_password');
    await writeFile(passwordFile, password);
    redis = await startComposedRedis(join(dir, 'redis'), passwordFile, reaper);
    const files = await writeFiles(redis.port, password);
    const ports = { api: await freePort(), jobs: await freePort(), sim: await freePort() };
    const env: Record<Program, Record<string, string>> = {
      api: {
        AEGIS_API_HOST: '127.0.0.1',
        AEGIS_API_PORT: String(ports.api),
        AEGIS_PUBLIC_URL: `http://api:${ports.api}`,
      },
      jobs: {
        AEGIS_JOBS_HOST: '127.0.0.1',
        AEGIS_JOBS_PORT: String(ports.jobs),
        AEGIS_PUBLIC_URL: `http://api:${ports.api}`,
        AWS_ENDPOINT_URL_EC2: `http://sim:${ports.sim}`,
      },
      sim: { AEGIS_SIM_HOST: '127.0.0.1', AEGIS_SIM_PORT: String(ports.sim) },
    };
    for (const service of PROGRAMS) {
      const container = await prepareContainer({
        compose,
        service,
        stagesDir: first.stagesDir,
        dir: join(dir, 'run', service),
        files,
        env: env[service],
        port: ports[service],
        reaper,
      });
      containers.set(service, container);
      before.set(service, await digestTree(container.root));
    }
    await Promise.all([...containers.values()].map((container) => container.process.start()));
  });

  afterAll(async () => {
    for (const container of containers.values()) await container.process.stop();
    await redis?.process.stop();
  });

  const container = (program: Program): Container => {
    const found = containers.get(program);
    if (found === undefined) throw new Error(`${program} was not started`);
    return found;
  };

  test.each(PROGRAMS)(
    '%s runs as its own user, without privileges, in a root that cannot be written',
    async (program) => {
      const { pid } = container(program).process;
      const status = await readFile(`/proc/${pid}/status`, 'utf8');
      expect(status).toMatch(/^Uid:\t10001\t10001\t10001\t10001$/m);
      expect(status).toMatch(/^Gid:\t10001\t10001\t10001\t10001$/m);
      expect(status).toMatch(/^Groups:\s*$/m);
      expect(status).toMatch(/^CapEff:\t0+$/m);
      expect(status).toMatch(/^NoNewPrivs:\t1$/m);
      const mounts = await readFile(`/proc/${pid}/mountinfo`, 'utf8');
      const root = mounts.split('\n').find((line) => line.split(' ')[4] === '/');
      expect(root?.split(' ')[5]).toMatch(/^ro(,|$)/);
    },
  );

  test.each(PROGRAMS)('%s is healthy by the health check of its image', async (program) => {
    expect(await container(program).check('image')).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/\S+ answered 200$/);
  });

  test('the first relay of the guide becomes active, and goes when it is deleted', async () => {
    const commands = guideBlock('-X POST').replaceAll('http://127.0.0.1:8080', container('api').process.url);
    const { stdout } = await run('sh', ['-euc', commands]);
    const [, id = ''] = /"id":"(rly_\w+)","state":"pending"/.exec(stdout) ?? [];
    // Created by the first command, listed by the second.
    expect(stdout.split(`"id":"${id}"`)).toHaveLength(3);
    const url = `${container('api').process.url}/api/v1/relays/${id}`;
    const inState = (state: string) =>
      waitFor(`the relay to be ${state}`, 60_000, async () => {
        const { body } = await callApi(url, { key: TRIAL_KEY });
        return body.state === state && body;
      });
    expect((await inState('active')).address).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
    expect((await callApi(url, { method: 'DELETE', key: TRIAL_KEY })).status).toBe(202);
    await inState('terminated');
  });

  test('all end with 0 at the stop signal', async () => {
    for (const program of ['api', 'jobs', 'sim'] as const) {
      expect({ program, ...(await container(program).process.stop()) }).toEqual({ program, code: 0, signal: null });
    }
    expect(await redis.process.stop()).toEqual({ code: 0, signal: null });
  });

  test.each(PROGRAMS)('%s wrote nothing into its root and missed no place to write', async (program) => {
    const { root, process } = container(program);
    expect(differences(before.get(program) ?? new Map(), await digestTree(root))).toEqual([]);
    expect(await readFile(process.logFile, 'utf8')).not.toMatch(/EROFS|EACCES|ENOENT|"level":"error"/);
  });
});

test('the sizes are told', async () => {
  for (const program of PROGRAMS) {
    const all = await sizeOfTree(join(first.stagesDir, program));
    const app = await sizeOfTree(appOf(program));
    const megabytes = ({ bytes }: { bytes: number }): string => `${(bytes / 1e6).toFixed(1)} MB`;
    process.stderr.write(
      `image ${program}: ${all.files} files, ${megabytes(all)}, of which /app ${app.files} files, ${megabytes(app)}\n`,
    );
    expect(all.bytes).toBeLessThan(MOST_BYTES);
  }
});
