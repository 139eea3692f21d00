// What can be said of deploy/docker/compose.yaml and of the files it names without an engine.

import { execFile, execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { hashApiKey, loadConfig, SETTINGS } from '@aegis/config';
import { describe, expect, test } from '@jest/globals';
import { DCLinter } from 'dclint';
import { parse } from 'yaml';
import { repositoryPath } from '../../src/repository.js';
import { freshFolder } from './fresh-folder.js';
import {
  COMPOSE_FILE,
  type Compose,
  composePath,
  readCompose,
  readEnvFile,
  readNamed,
  type Service,
  SIMULATOR_ENV_FILE,
  serviceOf,
} from './read-compose.js';
import { readDockerfile, resolveStage } from './read-dockerfile.js';

const run = promisify(execFile);

const compose = readCompose();
const trial = readCompose(readEnvFile(SIMULATOR_ENV_FILE));
const services = Object.entries(compose.services);
const service = (name: string, of: Compose = compose): Service => serviceOf(of, name);
const folder = freshFolder('aegis-compose-');

/** What is looked at of a result; dclint's own declarations cannot be resolved by an ES module. */
interface LintResult {
  messages: { line: number; message: string }[];
}

describe('the file', () => {
  /** Rules of taste that this repository does not share: services and keys stand in the order in which one reads them. */
  const TASTE = [
    'services-alphabetical-order',
    'service-keys-order',
    'top-level-properties-order',
    // `image` names what `build` makes, as the specification has it.
    'no-build-and-image',
  ];

  function lint(path: string): string[] {
    const rules = Object.fromEntries(TASTE.map((name) => [name, 0 as const]));
    const linter = new DCLinter({
      rules: { ...rules, 'require-quotes-in-ports': [2, { quoteType: 'double' }] },
      quiet: false,
      debug: false,
      exclude: [],
    });
    const results: LintResult[] = linter.lintFiles([path], false);
    expect(results).toHaveLength(1);
    return results.flatMap(({ messages }) => messages.map(({ line, message }) => `${line}: ${message}`));
  }

  test('keeps to the schema of the Compose specification and to the linter', () => {
    expect(lint(COMPOSE_FILE)).toEqual([]);
  });

  test('would not, with a mistyped key', async () => {
    const file = join(folder(), 'compose.yaml');
    await writeFile(file, readFileSync(COMPOSE_FILE, 'utf8').replace('stop_grace_period: 60s', 'stop_grace: 60s'));
    expect(lint(file).join()).toContain('/services/redis');
  });
});

/** As a plugin of Docker, or by itself as Debian 13 has it. The latter needs no engine for what is done here. */
const COMPOSE_COMMANDS = [['docker', 'compose'], ['docker-compose']];
const composeCommand = COMPOSE_COMMANDS.find(([program = '', ...args]) => {
  try {
    const version = execFileSync(program, [...args, 'version', '--short'], { encoding: 'utf8', stdio: 'pipe' });
    return Number.parseInt(version.replace(/^v/, ''), 10) >= 2;
  } catch {
    return false;
  }
});
const NEEDS_COMPOSE = "needs Docker Compose 2: Docker's plugin, or docker-compose of Debian 13; Debian 12 has 1.29";
if (composeCommand === undefined) process.stderr.write(`skipped: docker compose config ${NEEDS_COMPOSE}\n`);

// Compose 1 does not know this form of file. So CI, on Debian 12, has nothing that could be installed for it.
(composeCommand === undefined ? describe.skip : describe)(`docker compose config (${NEEDS_COMPOSE})`, () => {
  const [program = '', ...first] = composeCommand ?? [];

  async function config(...options: string[]): Promise<string[]> {
    const args = ['--project-directory', repositoryPath('deploy/docker'), '-f', COMPOSE_FILE, ...options];
    return (await run(program, [...first, ...args, 'config', '--services'])).stdout.trim().split('\n').sort();
  }

  test('accepts the file, with and without the simulator', async () => {
    const all = Object.keys(compose.services).sort();
    expect(await config()).toEqual(all.filter((name) => name !== 'sim'));
    expect(await config('--env-file', SIMULATOR_ENV_FILE)).toEqual(all);
  });
});

describe.each(services)('the service %s', (name, settings) => {
  test('has an image of one exact version, or is built here', () => {
    if (settings.build === undefined) expect(settings.image).toMatch(/^[a-z/-]+:v?\d+\.\d+\.\d+(-[a-z]+)?$/);
    else {
      expect(settings.build.target).toBe(name);
      expect(composePath(join(settings.build.context, settings.build.dockerfile))).toBe(
        repositoryPath('deploy/docker/Dockerfile'),
      );
      expect(resolveStage(readDockerfile(), settings.build.target).entrypoint).not.toBeNull();
    }
  });

  test('has no privileges and a root that cannot be written', () => {
    expect(settings).toMatchObject({
      read_only: true,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
      restart: 'unless-stopped',
    });
  });

  test('is reached from this machine alone', () => {
    for (const port of settings.ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
  });

  test('uses networks, volumes, configs, secrets and services that exist', () => {
    expect(Object.keys(compose.networks)).toEqual(expect.arrayContaining(settings.networks));
    expect(Object.keys(compose.secrets)).toEqual(expect.arrayContaining(settings.secrets ?? []));
    expect(Object.keys(compose.configs)).toEqual(
      expect.arrayContaining((settings.configs ?? []).map(({ source }) => source)),
    );
    for (const awaited of Object.keys(settings.depends_on ?? {})) {
      expect(service(awaited).healthcheck).toBeDefined();
      expect(service(awaited).networks.some((network) => settings.networks.includes(network))).toBe(true);
    }
  });

  test('mounts files and folders that exist, and writes to named volumes alone', () => {
    for (const volume of settings.volumes ?? []) {
      const [source = '', , access] = volume.split(':');
      if (!source.includes('/')) expect(Object.keys(compose.volumes)).toContain(source);
      else {
        expect(existsSync(composePath(source))).toBe(true);
        expect(access).toBe('ro');
      }
    }
  });
});

test('what the configs read exists, but for the file the operator writes', () => {
  for (const { file } of [...Object.values(compose.configs), ...Object.values(trial.configs)]) {
    if (file !== './aegis.yaml') expect(statSync(composePath(file)).isFile()).toBe(true);
  }
});

describe('ways out', () => {
  const hasWayOut = (name: string): boolean => {
    const { internal = false, driver_opts = {} } = compose.networks[name] ?? {};
    return !internal && driver_opts['com.docker.network.bridge.enable_ip_masquerade'] !== 'false';
  };

  test('only jobs, for AWS, and Alertmanager, for the pager, have one; the simulator stands in for AWS', () => {
    const open = services.filter(([, { networks }]) => networks.some(hasWayOut)).map(([name]) => name);
    expect(open.sort()).toEqual(['alertmanager', 'jobs', 'sim']);
  });

  test('Redis is reached by api and jobs alone', () => {
    expect(service('redis').networks).toEqual(['store']);
    const near = services.filter(([, { networks }]) => networks.includes('store')).map(([name]) => name);
    expect(near.sort()).toEqual(['api', 'jobs', 'redis']);
    expect(service('redis').ports).toBeUndefined();
  });

  test('what a service calls by its name is in a network with it', () => {
    const pairs: [string, string][] = [
      ['api', 'redis'],
      ['jobs', 'redis'],
      ['jobs', 'sim'],
      ['sim', 'api'],
      ['prometheus', 'api'],
      ['prometheus', 'jobs'],
      ['prometheus', 'alertmanager'],
      ['grafana', 'prometheus'],
    ];
    for (const [caller, called] of pairs) {
      const shared = service(caller).networks.filter((network) => service(called).networks.includes(network));
      expect({ caller, called, shared }).not.toMatchObject({ shared: [] });
    }
  });
});

describe('api and jobs', () => {
  const envNames = ['AEGIS_CONFIG', ...SETTINGS.flatMap(({ env, secret }) => (secret ? [env, `${env}_FILE`] : [env]))];

  test.each(['api', 'jobs'])('%s is given settings that exist', (name) => {
    expect(envNames).toEqual(expect.arrayContaining(Object.keys(service(name).environment ?? {})));
    const image = resolveStage(readDockerfile(), name);
    const own = Object.keys(image.env).filter((variable) => variable !== 'NODE_ENV');
    expect(own).not.toEqual([]);
    expect(envNames).toEqual(expect.arrayContaining(own));
  });

  test('api gets nothing of AWS, whichever way', () => {
    const { environment = {}, env_file, secrets, configs = [] } = service('api', trial);
    expect(Object.keys(environment).filter((name) => name.startsWith('AWS_'))).toEqual([]);
    expect(env_file).toBeUndefined();
    expect(secrets).toEqual(['aegis_secret', 'redis_url']);
    expect(configs.map(({ source }) => source)).toEqual(['aegis']);
  });

  test('their secrets are files of the container, named as the environment says', () => {
    for (const name of ['api', 'jobs']) {
      const { environment = {}, secrets = [], configs = [] } = service(name);
      const files = Object.entries(environment).filter(([variable]) => variable.endsWith('_FILE'));
      expect(files.map(([, path]) => path).sort()).toEqual(secrets.map((secret) => `/run/secrets/${secret}`).sort());
      expect(configs).toContainEqual({ source: 'aegis', target: environment.AEGIS_CONFIG });
    }
  });

  test('the configuration for the simulator loads as the containers load it', () => {
    const files: Record<string, string> = {
      '/etc/aegis/aegis.yaml': readNamed(trial.configs.aegis?.file ?? ''),
      '/run/secrets/aegis_secret': 'a secret of at least thirty-two characters\n',
      '/run/secrets/redis_url': 'redis://:password@redis:6379\n',
    };
    const readFile = (path: string): string => files[path] ?? readFileSync(path, 'utf8');
    const image = resolveStage(readDockerfile(), 'api');
    const config = loadConfig({ env: { ...image.env, ...service('api', trial).environment }, readFile });
    expect(config.api.host).toBe('0.0.0.0');
    expect(config.redisUrl).toBe('redis://:password@redis:6379');
    expect(new URL(config.api.publicUrl)).toMatchObject({ hostname: 'api', port: String(config.api.port) });
  });

  test('with the simulator jobs speaks to it, and only then', () => {
    const [file] = service('jobs', trial).env_file ?? [];
    const { AWS_ENDPOINT_URL_EC2 } = readEnvFile(composePath(file?.path ?? ''));
    const [port] = resolveStage(readDockerfile(), 'sim').ports;
    expect(AWS_ENDPOINT_URL_EC2).toBe(`http://sim:${port}`);
    expect(service('jobs').env_file).toEqual([{ path: 'jobs.env', required: false }]);
    expect(service('sim').profiles).toEqual(['simulator']);
  });

  test('have longer to stop than they may take', () => {
    const needed = Number(SETTINGS.find(({ path }) => path.join('.') === 'shutdownTimeoutSeconds')?.default);
    expect(needed).toBeGreaterThan(0);
    for (const name of ['api', 'jobs']) {
      expect(Number.parseInt(service(name).stop_grace_period ?? '0', 10)).toBeGreaterThanOrEqual(needed + 10);
    }
  });
});

test('the key that the trial configuration names is the one whose hash it holds', () => {
  const text = readNamed(trial.configs.aegis?.file ?? '');
  const [, key = ''] = /(aegis-trial-key[\w-]*\w)/.exec(text) ?? [];
  expect(parse(text).api.keys[0].sha256).toBe(hashApiKey(key));
});
