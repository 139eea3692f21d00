import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parse } from 'yaml';
import { repositoryPath } from '../../src/repository.js';

export const COMPOSE_FILE = repositoryPath('deploy/docker/compose.yaml');
/** What `docker compose --env-file` is given for the stack with the simulator. */
export const SIMULATOR_ENV_FILE = repositoryPath('deploy/docker/simulator.env');

export interface Healthcheck {
  test: string[];
}

export interface FileMount {
  source: string;
  target: string;
}

export interface Service {
  image: string;
  build?: { context: string; dockerfile: string; target: string };
  profiles?: string[];
  user?: string;
  command?: string[];
  read_only?: boolean;
  cap_drop?: string[];
  security_opt?: string[];
  environment?: Record<string, string>;
  env_file?: { path: string; required: boolean }[];
  configs?: FileMount[];
  secrets?: string[];
  /** `SOURCE:TARGET[:ro]`. */
  volumes?: string[];
  networks: string[];
  ports?: string[];
  depends_on?: Record<string, { condition: string }>;
  healthcheck?: Healthcheck;
  stop_grace_period?: string;
}

interface Network {
  internal?: boolean;
  driver_opts?: Record<string, string>;
  ipam?: { config: { subnet: string }[] };
}

export interface Compose {
  services: Record<string, Service>;
  networks: Record<string, Network>;
  volumes: Record<string, object>;
  configs: Record<string, { file: string }>;
  secrets: Record<string, { file: string }>;
}

/** `${NAME}` and `${NAME:-default}`; `$$` is a dollar sign for the container's own shell. */
function interpolate(text: string, env: Readonly<Record<string, string>>): string {
  return text.replace(/\$(\$|\{(\w+)(?::-([^}]*))?\})/g, (_, kind: string, name: string, fallback = '') =>
    kind === '$' ? '$' : env[name] || fallback,
  );
}

/** deploy/docker/compose.yaml as an engine sees it with these variables in its environment. */
export function readCompose(env: Readonly<Record<string, string>> = {}): Compose {
  const text = readFileSync(COMPOSE_FILE, 'utf8');
  return parse(text, (_, value) => (typeof value === 'string' ? interpolate(value, env) : value), { merge: true });
}

/** A service that must be there. */
export function serviceOf({ services }: Compose, name: string): Service {
  const found = services[name];
  if (found === undefined) throw new Error(`compose.yaml has no service ${name}`);
  return found;
}

/** The lines `NAME=value` of a file of variables. */
export function readEnvFile(path: string): Record<string, string> {
  const matches = readFileSync(path, 'utf8').matchAll(/^([A-Z]\w*)=(.*)$/gm);
  return Object.fromEntries([...matches].map(([, name = '', value = '']) => [name, value]));
}

/** A path of the file, which is relative to its folder, on this machine. */
export function composePath(path: string): string {
  return resolve(dirname(COMPOSE_FILE), path);
}

/** The text of a file that compose.yaml names. */
export function readNamed(path: string): string {
  return readFileSync(composePath(path), 'utf8');
}
