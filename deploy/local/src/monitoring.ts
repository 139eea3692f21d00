import { accessSync, constants } from 'node:fs';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { ManagedProcess } from './managed-process.js';
import { type Reaper, startReaper } from './reaper.js';
import { repositoryPath } from './repository.js';

export interface MonitoringOptions {
  /** Holds the servers' data, logs and a copy of the configuration with the ports in use. */
  dir: string;
  /** The folder with prometheus.yml, alertmanager.yml and rules/; the repository's own by default. */
  configDir?: string;
  ports: { api: number; jobs: number; prometheus: number; alertmanager: number };
}

export interface Monitoring {
  readonly prometheus: ManagedProcess;
  readonly alertmanager: ManagedProcess;
  stop(): Promise<void>;
}

const READY_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 10_000;
/** Debian's package renames the program. */
const ALERTMANAGER_NAMES = ['prometheus-alertmanager', 'alertmanager'];

/** The first of the names that is a program on PATH, or null. */
export function findProgram(...names: string[]): string | null {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  const isProgram = (path: string): boolean => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  };
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find(isProgram) ?? null;
}

/** Copies the configuration and puts the ports in use in the place of the standard ones. */
async function copyConfig({ dir, configDir, ports }: MonitoringOptions): Promise<string> {
  const copy = join(dir, 'config');
  // An earlier start's copy may hold rules that are no more.
  await rm(copy, { recursive: true, force: true });
  await cp(configDir ?? repositoryPath('prometheus'), copy, { recursive: true });
  const file = join(copy, 'prometheus.yml');
  const standard: Record<string, number> = {
    8080: ports.api,
    8081: ports.jobs,
    9090: ports.prometheus,
    9093: ports.alertmanager,
  };
  const text = await readFile(file, 'utf8');
  await writeFile(
    file,
    text.replace(/(127\.0\.0\.1|localhost):(\d+)/g, (_, host, port) => `${host}:${standard[port] ?? port}`),
  );
  return copy;
}

function monitoringProcess(
  reaper: Reaper,
  dir: string,
  program: { name: string; command: string; port: number; args: string[] },
): ManagedProcess {
  const url = `http://127.0.0.1:${program.port}`;
  return new ManagedProcess({
    ...program,
    args: [...program.args, `--web.listen-address=127.0.0.1:${program.port}`],
    env: process.env,
    logFile: join(dir, `${program.name}.log`),
    url,
    isReady: async (signal) => (await fetch(`${url}/-/ready`, { signal })).ok,
    readyTimeoutMs: READY_TIMEOUT_MS,
    stopTimeoutMs: STOP_TIMEOUT_MS,
    reaper,
  });
}

/** Starts a Prometheus with the project's rules, scraping the given ports, and an Alertmanager. */
export async function startMonitoring(options: MonitoringOptions): Promise<Monitoring> {
  const { dir, ports } = options;
  await mkdir(dir, { recursive: true });
  const config = await copyConfig(options);
  const reaper = startReaper();
  const prometheus = monitoringProcess(reaper, dir, {
    name: 'prometheus',
    command: 'prometheus',
    port: ports.prometheus,
    args: [`--config.file=${join(config, 'prometheus.yml')}`, `--storage.tsdb.path=${join(dir, 'prometheus')}`],
  });
  const alertmanager = monitoringProcess(reaper, dir, {
    name: 'alertmanager',
    command: findProgram(...ALERTMANAGER_NAMES) ?? 'alertmanager',
    port: ports.alertmanager,
    // One instance alone: without this it looks for peers and needs an address to announce.
    args: [
      `--config.file=${join(config, 'alertmanager.yml')}`,
      `--storage.path=${join(dir, 'alertmanager')}`,
      '--cluster.listen-address=',
    ],
  });
  const stop = async (): Promise<void> => {
    await Promise.all([prometheus.stop(), alertmanager.stop()]);
    await reaper.stop();
  };
  try {
    await Promise.all([prometheus.start(), alertmanager.start()]);
  } catch (error) {
    await stop();
    throw error;
  }
  return { prometheus, alertmanager, stop };
}
