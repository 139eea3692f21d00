import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../../src/free-port.js';
import { ManagedProcess } from '../../src/managed-process.js';
import type { Reaper } from '../../src/reaper.js';
import { composePath, readCompose } from './read-compose.js';

export interface ComposedRedis {
  readonly port: number;
  readonly process: ManagedProcess;
}

/** Where the container has its settings and its password. */
const SETTINGS = '/etc/redis/redis.conf';
const PASSWORD = '/run/secrets/redis_password';

/** One occurrence at least: a replacement that finds nothing would test something else than is said. */
function replaceIn(text: string, old: string, by: string): string {
  if (!text.includes(old)) throw new Error(`'${old}' is not in: ${text}`);
  return text.replaceAll(old, by);
}

/** The settings of the container but for where it listens and where its data is. */
async function writeSettings(dir: string, port: number): Promise<string> {
  const file = join(dir, 'redis.conf');
  const text = await readFile(composePath(readCompose().configs.redis?.file ?? ''), 'utf8');
  const moved = replaceIn(replaceIn(text, 'bind * -::*', `bind 127.0.0.1\nport ${port}`), 'dir /data', `dir ${dir}`);
  await writeFile(file, moved);
  return file;
}

/**
 * The service redis of compose.yaml as a process of this machine: its command and its health check, with other files,
 * another port and this machine's redis-server.
 */
export async function startComposedRedis(dir: string, passwordFile: string, reaper: Reaper): Promise<ComposedRedis> {
  await mkdir(dir, { recursive: true });
  const port = await freePort();
  const settings = await writeSettings(dir, port);
  const { command = [], healthcheck } = readCompose().services.redis ?? {};
  const here = (text: string): string => replaceIn(text, PASSWORD, passwordFile);
  const check = replaceIn(here(healthcheck?.test[1] ?? ''), 'redis-cli ', `redis-cli -p ${port} `);
  const process_ = new ManagedProcess({
    name: 'redis',
    command: command[0] ?? '',
    args: [command[1] ?? '', replaceIn(here(command[2] ?? ''), SETTINGS, settings)],
    env: { PATH: process.env.PATH },
    logFile: join(dir, 'redis.log'),
    url: `redis://127.0.0.1:${port}`,
    isReady: () => new Promise((resolve) => execFile('sh', ['-c', check], (error) => resolve(error === null))),
    readyTimeoutMs: 30_000,
    stopTimeoutMs: 20_000,
    reaper,
  });
  await process_.start();
  return { port, process: process_ };
}
