import { join } from 'node:path';
import { ManagedProcess } from './managed-process.js';
import type { Reaper } from './reaper.js';
import { repositoryPath } from './repository.js';
import { childEnv, type StackOptions } from './stack-options.js';

/** What the parts of one stack have in common. */
export interface StackSettings {
  options: StackOptions;
  dir: string;
  reaper: Reaper;
  redisUrl: string;
  simUrl: string;
  publicUrl: string;
}

interface NodeProgram {
  name: string;
  main: string;
  port: number;
  readyPath: string;
  env: NodeJS.ProcessEnv;
}

const READY_TIMEOUT_MS = 30_000;
/** Longer than the apps' own shutdown deadline in aegis.yaml. */
const STOP_TIMEOUT_MS = 15_000;
const PROBE_TIMEOUT_MS = 2_000;

async function answersOk(url: string, signal: AbortSignal): Promise<boolean> {
  const response = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(PROBE_TIMEOUT_MS)]) });
  await response.body?.cancel();
  return response.ok;
}

function nodeProcess({ options, dir, reaper }: StackSettings, program: NodeProgram): ManagedProcess {
  const url = `http://127.0.0.1:${program.port}`;
  return new ManagedProcess({
    name: program.name,
    command: process.execPath,
    args: ['--enable-source-maps', repositoryPath(program.main)],
    env: { ...childEnv(options), ...program.env },
    logFile: join(dir, 'logs', `${program.name}.log`),
    url,
    isReady: (signal) => answersOk(`${url}${program.readyPath}`, signal),
    readyTimeoutMs: options.readyTimeoutMs ?? READY_TIMEOUT_MS,
    stopTimeoutMs: STOP_TIMEOUT_MS,
    reaper,
  });
}

function appEnv({ options, redisUrl, publicUrl }: StackSettings, app: 'api' | 'jobs'): NodeJS.ProcessEnv {
  return {
    AEGIS_CONFIG: options.configFile ?? repositoryPath('deploy/local/aegis.yaml'),
    AEGIS_PUBLIC_URL: publicUrl,
    REDIS_URL: options.redisUrls?.[app] ?? redisUrl,
  };
}

export function simProcess(settings: StackSettings, port: number): ManagedProcess {
  const { stateDir, simEnv } = settings.options;
  return nodeProcess(settings, {
    name: 'sim',
    main: 'libs/ec2-sim/dist/main.js',
    port,
    readyPath: '/_sim/settings',
    env: {
      AEGIS_SIM_PORT: String(port),
      ...(stateDir === undefined ? {} : { AEGIS_SIM_STATE_FILE: join(stateDir, 'sim-state.json') }),
      ...simEnv,
    },
  });
}

export function apiProcess(settings: StackSettings, port: number, replica: number): ManagedProcess {
  return nodeProcess(settings, {
    name: `api-${replica}`,
    main: 'apps/api/bundle/aegis-api.mjs',
    port,
    readyPath: '/readyz',
    env: { ...appEnv(settings, 'api'), AEGIS_API_PORT: String(port), ...settings.options.env },
  });
}

/** Only jobs gets the simulator's address and AWS credentials: api never calls AWS. */
export function jobsProcess(settings: StackSettings, port: number, replica: number): ManagedProcess {
  return nodeProcess(settings, {
    name: `jobs-${replica}`,
    main: 'apps/jobs/bundle/aegis-jobs.mjs',
    port,
    readyPath: '/readyz',
    env: {
      ...appEnv(settings, 'jobs'),
      AEGIS_JOBS_PORT: String(port),
      AWS_ENDPOINT_URL_EC2: settings.simUrl,
      AWS_ACCESS_KEY_ID: 'local',
      AWS_SECRET_ACCESS_KEY: 'local',
      ...settings.options.env,
    },
  });
}
