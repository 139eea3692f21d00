import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port.js';
import type { ManagedProcess } from './managed-process.js';
import { type Reaper, startReaper } from './reaper.js';
import { redisProcess } from './redis-server.js';
import type { StackOptions } from './stack-options.js';
import { apiProcess, jobsProcess, type StackSettings, simProcess } from './stack-processes.js';

/** The whole product as real processes: the simulator, api and jobs replicas and, unless one was given, Redis. */
export interface Stack {
  readonly api: readonly ManagedProcess[];
  readonly jobs: readonly ManagedProcess[];
  readonly sim: ManagedProcess;
  /** Null when the stack uses a Redis that was already there. */
  readonly redis: ManagedProcess | null;
  readonly redisUrl: string;
  /** Of the first api replica; the one relays call home to. */
  readonly apiUrl: string;
  /** Holds the logs (`logs/NAME.log`) and, in a kept folder, the state. */
  readonly dir: string;
  /** Ends the apps, then the simulator, then Redis. */
  stop(): Promise<void>;
}

type Parts = Pick<Stack, 'api' | 'jobs' | 'sim' | 'redis' | 'redisUrl'>;

async function prepareDir(stateDir: string | undefined): Promise<string> {
  const dir = stateDir ?? (await mkdtemp(join(tmpdir(), 'aegis-stack-')));
  await mkdir(join(dir, 'logs'), { recursive: true });
  await mkdir(join(dir, 'redis'), { recursive: true });
  return dir;
}

async function ports(first: number | undefined, count: number): Promise<number[]> {
  const free = Array.from({ length: count }, () => freePort());
  return (await Promise.all(free)).map((port, index) => (index === 0 && first ? first : port));
}

/** Every part with its address, none of them started. */
async function assemble(options: StackOptions, dir: string, reaper: Reaper): Promise<Parts> {
  const [redisPort = 0] = await ports(undefined, 1);
  const [simPort = 0] = await ports(options.ports?.sim, 1);
  const apiPorts = await ports(options.ports?.api, options.apiReplicas ?? 1);
  const jobsPorts = await ports(options.ports?.jobs, options.jobsReplicas ?? 1);
  const appendFsync = options.appendFsync ?? 'everysec';
  const redis =
    options.redisUrl === undefined
      ? redisProcess({
          dir: join(dir, 'redis'),
          logFile: join(dir, 'logs', 'redis.log'),
          port: redisPort,
          appendFsync,
          reaper,
        })
      : null;
  const redisUrl = options.redisUrl ?? `redis://127.0.0.1:${redisPort}`;
  const settings: StackSettings = {
    options,
    dir,
    reaper,
    redisUrl,
    simUrl: `http://127.0.0.1:${simPort}`,
    publicUrl: `http://127.0.0.1:${apiPorts[0]}`,
  };
  return {
    redis,
    redisUrl,
    sim: simProcess(settings, simPort),
    api: apiPorts.map((port, index) => apiProcess(settings, port, index + 1)),
    jobs: jobsPorts.map((port, index) => jobsProcess(settings, port, index + 1)),
  };
}

async function startParts({ redis, sim, api, jobs }: Parts, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  await Promise.all([redis?.start(), sim.start()]);
  signal?.throwIfAborted();
  await Promise.all([...api, ...jobs].map((app) => app.start()));
  signal?.throwIfAborted();
}

async function stopParts({ redis, sim, api, jobs }: Parts): Promise<void> {
  await Promise.all([...api, ...jobs].map((app) => app.stop()));
  await sim.stop();
  await redis?.stop();
}

/**
 * Starts everything and resolves once every part is ready. Rejects with the last log lines of the part that was not;
 * then, as after `stop`, and even if this process is killed, nothing is left running.
 */
export async function startStack(options: StackOptions = {}): Promise<Stack> {
  const dir = await prepareDir(options.stateDir);
  const reaper = startReaper();
  const parts = await assemble(options, dir, reaper);
  const stop = async (): Promise<void> => {
    await stopParts(parts);
    await reaper.stop();
    if (options.stateDir === undefined) await rm(dir, { recursive: true, force: true });
  };
  const abort = (): void => void stopParts(parts);
  options.signal?.addEventListener('abort', abort, { once: true });
  try {
    await startParts(parts, options.signal);
  } catch (error) {
    await stop();
    throw options.signal?.aborted ? options.signal.reason : error;
  } finally {
    options.signal?.removeEventListener('abort', abort);
  }
  return { ...parts, apiUrl: parts.api[0]?.url ?? '', dir, stop };
}
