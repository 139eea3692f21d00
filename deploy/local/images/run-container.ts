import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { composePath, type readCompose, readEnvFile } from '../e2e/packaging/read-compose.js';
import { readDockerfile, resolveStage, type Stage } from '../e2e/packaging/read-dockerfile.js';
import { ManagedProcess } from '../src/managed-process.js';
import type { Reaper } from '../src/reaper.js';
import { type InRoot, inRoot } from './in-root.js';

const run = promisify(execFile);

export interface ContainerOptions {
  compose: ReturnType<typeof readCompose>;
  /** A service of compose.yaml that is also a target of the Dockerfile. */
  service: 'api' | 'jobs' | 'sim';
  /** The folder `carryOutDockerfile` resolves with. */
  stagesDir: string;
  /** Of this container: its log, and the files an engine would make for it. */
  dir: string;
  /** Where the files of compose.yaml's secrets and configs are, by their names. */
  files: Readonly<Record<string, string>>;
  /** On top of what image and service set; ports must be free ones, because all containers share this machine's. */
  env: Readonly<Record<string, string>>;
  port: number;
  reaper: Reaper;
}

export interface Container {
  readonly process: ManagedProcess;
  /** The image's root file system as the container sees it. */
  readonly root: string;
  /** Runs the health check of the image, or of the service where it has one, as an engine would; rejects when it fails. */
  check(of: 'image' | 'service'): Promise<string>;
}

const READY_TIMEOUT_MS = 60_000;
/** Engines set it where an image does not. */
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
/** Every service by its name, as in the networks of compose.yaml. */
const HOSTS = '127.0.0.1 localhost redis api jobs sim\n';

async function mountsOf({ compose, service, dir, files }: ContainerOptions): Promise<NonNullable<InRoot['mounts']>> {
  await mkdir(dir, { recursive: true });
  const hosts = join(dir, 'hosts');
  await writeFile(hosts, HOSTS);
  const { configs = [], secrets = [] } = compose.services[service] ?? {};
  const wanted = [...configs, ...secrets.map((source) => ({ source, target: `/run/secrets/${source}` }))];
  const given = wanted.map(({ source, target }) => {
    const file = files[source];
    if (file === undefined) throw new Error(`compose.yaml gives ${service} the file ${source}, the test does not`);
    return { source: file, target };
  });
  return [{ source: hosts, target: '/etc/hosts' }, ...given];
}

function environmentOf({ compose, service, env }: ContainerOptions, image: Stage): Record<string, string> {
  const { env_file: files = [], environment } = compose.services[service] ?? {};
  return Object.assign(
    { PATH },
    image.env,
    ...files.map(({ path }) => readEnvFile(composePath(path))),
    environment,
    env,
  );
}

/**
 * Prepares a service of compose.yaml to run from its image's root file system: as the image's user, without privileges,
 * read-only, with nothing of this machine but its kernel and network. It is not started yet.
 */
export async function prepareContainer(options: ContainerOptions): Promise<Container> {
  const { service, stagesDir, dir, compose, port, reaper } = options;
  const image = resolveStage(readDockerfile(), service);
  const root = join(stagesDir, service);
  const env = environmentOf(options, image);
  const container = {
    root,
    readOnly: true,
    user: image.user ?? '0:0',
    folder: '/app',
    mounts: await mountsOf(options),
  };
  const inside = async (command: readonly string[]): Promise<string> => {
    const [program, args] = inRoot({ ...container, command });
    return (await run(program, args, { env })).stdout.trim();
  };
  // Makes the mount points, so that they do not count among what the program writes.
  await inside(['/usr/local/bin/node', '--version']);
  const check: Container['check'] = (of) => {
    const test = of === 'service' ? compose.services[service]?.healthcheck?.test.slice(1) : undefined;
    return inside(test ?? image.healthcheck ?? []);
  };
  const [command, args] = inRoot({ ...container, command: image.entrypoint ?? [] });
  const program = new ManagedProcess({
    name: service,
    command,
    args,
    env,
    logFile: join(dir, `${service}.log`),
    url: `http://127.0.0.1:${port}`,
    isReady: async () => (await check('service')) !== '',
    readyTimeoutMs: READY_TIMEOUT_MS,
    stopTimeoutMs: 30_000,
    reaper,
  });
  return { process: program, root, check };
}
