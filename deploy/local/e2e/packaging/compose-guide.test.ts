// docs/install-compose.md, followed word for word as far as that goes without an engine: what needs none is run in a copy
// of deploy/docker, the backup against a real Redis, and of the rest every name it uses is looked up.

import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { chmod, cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { loadConfig } from '@aegis/config';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { startReaper } from '../../src/reaper.js';
import { repositoryPath } from '../../src/repository.js';
import { isInContext } from './build-context.js';
import { GUIDE, guideBlock, guideBlocks } from './compose-guide.js';
import { startComposedRedis } from './composed-redis.js';
import { COMPOSE_FILE, readCompose, readEnvFile } from './read-compose.js';

const run = promisify(execFile);

const compose = readCompose();
const guide = readFileSync(GUIDE, 'utf8');
const blocks = guideBlocks();

let dir: string;
/** The copy of deploy/docker. */
let folder: string;
let printed = '';

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'aegis-guide-'));
  folder = join(dir, 'deploy', 'docker');
  await cp(repositoryPath('deploy/docker'), folder, {
    recursive: true,
    // What somebody made by the guide here would stand in its way there.
    filter: (source) => !/\/(secrets|\.env|jobs\.env|alertmanager\.yml)$/.test(source) || source.includes('simulator'),
  });
  await rm(join(folder, 'aegis.yaml'), { force: true });
  await cp(repositoryPath('prometheus'), join(dir, 'prometheus'), { recursive: true });
  for (const { text } of blocks.filter(({ runsHere }) => runsHere)) {
    printed += (await run('sh', ['-euc', text], { cwd: folder })).stdout;
  }
}, 60_000);

afterAll(() => rm(dir, { recursive: true, force: true }));

const inFolder = (path: string): string => readFileSync(join(folder, path), 'utf8');
const mode = (path: string): string => (statSync(join(folder, path)).mode & 0o777).toString(8);

test('the guide has commands of both kinds, all of them shell', () => {
  expect(blocks.filter(({ runsHere }) => runsHere).length).toBeGreaterThanOrEqual(4);
  expect(blocks.filter(({ runsHere }) => !runsHere).length).toBeGreaterThanOrEqual(10);
  for (const { text } of blocks) execFileSync('sh', ['-n'], { input: text });
});

describe('what its commands make', () => {
  test('are the secrets compose.yaml reads, for the containers to read and for nobody else', () => {
    expect(mode('secrets')).toBe('700');
    for (const { file } of Object.values(compose.secrets)) {
      expect(mode(file)).toBe('444');
      expect(inFolder(file).trim().length).toBeGreaterThanOrEqual(32);
    }
    const url = new URL(inFolder('secrets/redis_url').trim());
    expect(url).toMatchObject({ hostname: 'redis', port: '6379', password: inFolder('secrets/redis_password').trim() });
  });

  test('is a configuration that the containers can load, with the key that was shown', () => {
    const files: Record<string, string> = { '/etc/aegis/aegis.yaml': compose.configs.aegis?.file ?? '' };
    for (const [name, { file }] of Object.entries(compose.secrets)) files[`/run/secrets/${name}`] = file;
    const readFile = (path: string): string => inFolder(files[path] ?? path);
    const { environment = {} } = compose.services.api ?? {};
    const config = loadConfig({ env: environment, readFile });
    const [, key = ''] = /^the key, for the client: ([0-9a-f]{64})$/m.exec(printed) ?? [];
    expect(config.api.keys.map(({ sha256 }) => sha256)).toEqual([createHash('sha256').update(key).digest('hex')]);
    expect(mode('aegis.yaml')).toBe('644');
    const [{ subnet = '' } = {}] = compose.networks.edge?.ipam?.config ?? [];
    expect(config.api.trustedProxies).toEqual([subnet.replace(/\.0\/24$/, '.1')]);
  });

  test('are credentials in the file that jobs alone reads, and that only the operator can read', () => {
    const [file] = compose.services.jobs?.env_file ?? [];
    expect(Object.keys(readEnvFile(join(folder, file?.path ?? '')))).toEqual([
      'AWS_ACCESS_KEY_ID',
      'AWS_SECRET_ACCESS_KEY',
    ]);
    expect(mode('jobs.env')).toBe('600');
  });

  test('are settings of Alertmanager that its service mounts', () => {
    const volumes = readCompose(readEnvFile(join(folder, '.env'))).services.alertmanager?.volumes ?? [];
    expect(volumes).toContain('./alertmanager.yml:/etc/alertmanager/alertmanager.yml:ro');
    expect(inFolder('alertmanager.yml')).toBe(readFileSync(repositoryPath('prometheus/alertmanager.yml'), 'utf8'));
  });

  test('is committed by nobody and sent to no engine', async () => {
    for (const name of ['secrets/aegis_secret', 'aegis.yaml', 'jobs.env', 'alertmanager.yml', '.env']) {
      const path = `deploy/docker/${name}`;
      execFileSync('git', ['check-ignore', '--quiet', path], { cwd: repositoryPath('') });
      expect(await isInContext(path)).toBe(false);
    }
  });
});

describe('what it names', () => {
  const commands = blocks.flatMap(({ text }) => text.replaceAll('\\\n', ' ').split('\n'));

  test('as services are services', () => {
    const named = commands.flatMap((line) => {
      const [, verb = '', rest = ''] = /docker compose (?:--env-file \S+ )?(\w+)(.*)$/.exec(line) ?? [];
      const words = rest.replace(/--(tail|entrypoint) \S+/g, '').match(/\S+/g) ?? [];
      const names = words.filter((word) => !word.startsWith('-'));
      return verb === 'exec' || verb === 'run' ? names.slice(0, 1) : names;
    });
    expect(new Set(named)).toEqual(new Set(['api', 'jobs', 'alertmanager', 'redis']));
    expect(Object.keys(compose.services)).toEqual(expect.arrayContaining(named));
  });

  test('as images, volumes, networks, variables and addresses are those of compose.yaml', () => {
    const text = readFileSync(COMPOSE_FILE, 'utf8');
    const images = Object.values(compose.services).map(({ image }) => image);
    for (const [, image] of guide.matchAll(/docker tag (\S+)/g)) expect(images).toContain(image);
    for (const [, volume] of guide.matchAll(/`aegis_([\w-]+)`/g))
      expect(Object.keys(compose.volumes)).toContain(volume);
    for (const [variable] of guide.matchAll(/\bAEGIS_[A-Z_]+/g)) expect(text).toContain(`\${${variable}:-`);
    const ports = Object.values(compose.services).flatMap(({ ports: own = [] }) => own);
    for (const [, port] of guide.matchAll(/127\.0\.0\.1:(\d+)/g)) {
      expect(ports.some((published) => published.startsWith(`127.0.0.1:${port}:`))).toBe(true);
    }
    const [, bridge] = /! -i (\S+)/.exec(guide) ?? [];
    expect(compose.networks.aws?.driver_opts?.['com.docker.network.bridge.name']).toBe(bridge);
  });

  test('as files exist, or were made by a command before', () => {
    const files = commands.flatMap((line) => line.match(/--env-file (\S+)/)?.[1] ?? []);
    expect(files).not.toEqual([]);
    for (const file of files) expect(existsSync(join(folder, file))).toBe(true);
  });

  test('as pages and headings exist', () => {
    const slug = (heading: string): string =>
      heading
        .toLowerCase()
        .replace(/[^\w -]/g, '')
        .replaceAll(' ', '-');
    for (const [, path = '', anchor] of guide.matchAll(/\]\(([^)#]+)(?:#([^)]+))?\)/g)) {
      const file = resolve(dirname(GUIDE), path);
      expect(existsSync(file)).toBe(true);
      if (anchor === undefined) continue;
      const headings = [...readFileSync(file, 'utf8').matchAll(/^#+ (.*)$/gm)].map(([, text = '']) => slug(text));
      expect(headings).toContain(anchor);
    }
  });
});

describe('its backup', () => {
  /**
   * Stands in for `docker compose exec` and `run`: carries the command out on this machine, with the paths and the port of
   * the container replaced by those of the test.
   */
  async function writeDocker(bin: string, replaced: Record<string, string>): Promise<void> {
    await mkdir(bin);
    await writeFile(
      join(bin, 'docker'),
      `#!${process.execPath}
      const { spawnSync } = require('node:child_process');
      const args = process.argv.slice(2);
      const after = args.slice(args.indexOf('redis') + 1);
      const entrypoint = args[args.indexOf('--entrypoint') + 1];
      const command = args[1] === 'run' ? [entrypoint, ...after] : after;
      if (args[0] !== 'compose' || !['exec', 'run'].includes(args[1])) throw new Error('not carried out: ' + args.join(' '));
      const here = (word) => Object.entries(${JSON.stringify(replaced)}).reduce((text, [a, b]) => text.replaceAll(a, b), word);
      const [program, ...rest] = command.map(here);
      process.exitCode = spawnSync(program, rest, { stdio: 'inherit' }).status ?? 1;\n`,
    );
    await chmod(join(bin, 'docker'), 0o755);
  }

  test('of a Redis under way is a backup, and brings back what it held', async () => {
    const reaper = startReaper();
    const passwordFile = join(folder, 'secrets', 'redis_password');
    const data = join(dir, 'data');
    const { port, process: server } = await startComposedRedis(data, passwordFile, reaper);
    const options = { port, host: '127.0.0.1', password: readFileSync(passwordFile, 'utf8').trim() };
    await writeDocker(join(dir, 'bin'), {
      '/run/secrets/redis_password': passwordFile,
      '/data': data,
      'redis-cli ': `redis-cli -p ${port} `,
    });
    const env = { ...process.env, PATH: [join(dir, 'bin'), process.env.PATH].join(delimiter) };
    const sh = (text: string) => run('sh', ['-euc', text], { cwd: folder, env });

    const redis = new Redis(options);
    await redis.set('before the backup', 'kept');
    await sh(guideBlock('> redis-backup.tar.gz'));
    expect(await redis.config('GET', 'auto-aof-rewrite-percentage')).toEqual(['auto-aof-rewrite-percentage', '100']);
    await redis.set('after the backup', 'lost');
    redis.disconnect();

    const [stop, restore, start, ...more] = guideBlock('gzip -dc redis-backup.tar.gz')
      .replaceAll('\\\n', ' ')
      .trim()
      .split('\n');
    expect([stop, start, more]).toEqual(['docker compose stop redis', 'docker compose start redis', []]);
    await server.stop();
    await sh(restore ?? '');
    await server.start();
    const restored = new Redis(options);
    expect(await restored.keys('*')).toEqual(['before the backup']);
    restored.disconnect();
    await server.stop();
    await reaper.stop();
  }, 60_000);
});
