import { repositoryPath } from './repository.js';
import { UserError } from './user-error.js';

export interface UpSettings {
  ports: { api: number; jobs: number; sim: number };
  /** Present with `--with-prometheus`. */
  monitoring?: { prometheus: number; alertmanager: number };
  redisUrl?: string;
  configFile: string;
  /** One folder per api port: relays call home to that port for as long as they live. */
  stateDir: string;
}

const FLAGS = new Set(['--with-prometheus']);

function port(env: NodeJS.ProcessEnv, name: string, otherwise: number): number {
  const text = env[name] ?? '';
  if (text === '') return otherwise;
  const value = Number(text);
  if (/^\d{1,5}$/.test(text) && value >= 1 && value <= 65_535) return value;
  throw new UserError(`${name} must be a port number from 1 to 65535, not "${text}"`);
}

function refuseSamePort(ports: Record<string, number>): void {
  const owners = new Map<number, string>();
  for (const [name, value] of Object.entries(ports)) {
    const other = owners.get(value);
    if (other !== undefined) throw new UserError(`${other} and ${name} are both ${value}: choose different ports`);
    owners.set(value, name);
  }
}

/** Reads the command line and the environment of `npm run up`. */
export function readUpSettings(args: string[], env: NodeJS.ProcessEnv): UpSettings {
  const unknown = args.find((arg) => !FLAGS.has(arg));
  if (unknown !== undefined) throw new UserError(`unknown option ${unknown}: there is only --with-prometheus`);
  const ports = {
    api: port(env, 'AEGIS_API_PORT', 8080),
    jobs: port(env, 'AEGIS_JOBS_PORT', 8081),
    sim: port(env, 'AEGIS_SIM_PORT', 8082),
  };
  const monitoring = {
    prometheus: port(env, 'AEGIS_STACK_PROMETHEUS_PORT', 9090),
    alertmanager: port(env, 'AEGIS_STACK_ALERTMANAGER_PORT', 9093),
  };
  const withPrometheus = args.includes('--with-prometheus');
  refuseSamePort({
    AEGIS_API_PORT: ports.api,
    AEGIS_JOBS_PORT: ports.jobs,
    AEGIS_SIM_PORT: ports.sim,
    ...(withPrometheus
      ? { AEGIS_STACK_PROMETHEUS_PORT: monitoring.prometheus, AEGIS_STACK_ALERTMANAGER_PORT: monitoring.alertmanager }
      : {}),
  });
  return {
    ports,
    ...(withPrometheus ? { monitoring } : {}),
    ...(env.REDIS_URL ? { redisUrl: env.REDIS_URL } : {}),
    configFile: env.AEGIS_CONFIG || repositoryPath('deploy/local/aegis.yaml'),
    stateDir: repositoryPath(`.aegis/${ports.api}`),
  };
}
