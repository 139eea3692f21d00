import { mkdir } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { freePort } from './free-port.js';
import { ManagedProcess } from './managed-process.js';
import { type Reaper, startReaper } from './reaper.js';

export interface RedisServerOptions {
  /** Folder for the append-only file; created when missing. */
  dir: string;
  /** `redis.log` in that folder by default. */
  logFile?: string;
  /** 0 or absent: a free port is chosen. */
  port?: number;
  appendOnly?: boolean;
  /**
   * `always` (default) has what was acknowledged on disk, so that not even a SIGKILL loses any of it; `everysec` may
   * hold writes back for up to two seconds while an earlier flush is under way.
   */
  appendFsync?: 'always' | 'everysec';
  /** What `redis.conf` would say beyond that: `{'cluster-enabled': 'yes'}`. A list gives a directive several times. */
  settings?: Readonly<Record<string, string | readonly string[]>>;
  /** Directives that name its certificate: it serves TLS too, on a port of its own. */
  tls?: Readonly<Record<string, string>>;
  /** Of a larger stack; without it the server has its own. */
  reaper?: Reaper;
}

export interface RedisServer {
  readonly url: string;
  readonly port: number;
  /** 0 without TLS. */
  readonly tlsPort: number;
  /** To kill, freeze or restart the server on the same port and files. */
  readonly process: ManagedProcess;
  stop(): Promise<void>;
}

const READY_TIMEOUT_MS = 20_000;
const STOP_TIMEOUT_MS = 10_000;

/** Whether a server answers PING; one that still loads its files answers with an error. */
export async function answersPing(port: number, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', signal });
    socket.once('connect', () => socket.write('PING\r\n'));
    socket.once('data', (data) => {
      resolve(data.toString().startsWith('+PONG'));
      socket.destroy();
    });
    socket.once('error', () => resolve(false));
    socket.once('close', () => resolve(false));
  });
}

function redisArguments(port: number, options: RedisServerOptions): string[] {
  const settings: Record<string, string | readonly string[]> = {
    port: String(port),
    bind: '127.0.0.1',
    dir: options.dir,
    save: '',
    appendonly: options.appendOnly === false ? 'no' : 'yes',
    appendfsync: options.appendFsync ?? 'always',
    'maxmemory-policy': 'noeviction',
    daemonize: 'no',
    ...options.settings,
  };
  return Object.entries(settings).flatMap(([name, value]) =>
    [value].flat().flatMap((one) => [`--${name}`, ...one.split(' ')]),
  );
}

/** A private redis-server on 127.0.0.1, not started yet. */
export function redisProcess(options: RedisServerOptions & { port: number; reaper: Reaper }): ManagedProcess {
  const { dir, port, reaper } = options;
  return new ManagedProcess({
    name: 'redis',
    command: 'redis-server',
    args: redisArguments(port, options),
    env: process.env,
    logFile: options.logFile ?? join(dir, 'redis.log'),
    url: `redis://127.0.0.1:${port}`,
    isReady: (signal) => answersPing(port, signal),
    readyTimeoutMs: READY_TIMEOUT_MS,
    stopTimeoutMs: STOP_TIMEOUT_MS,
    reaper,
  });
}

/** Starts a private redis-server on 127.0.0.1 and resolves once it answers. */
export async function startRedisServer(options: RedisServerOptions): Promise<RedisServer> {
  await mkdir(options.dir, { recursive: true });
  const port = options.port || (await freePort());
  const tlsPort = options.tls === undefined ? 0 : await freePort();
  const settings = { ...(tlsPort && { 'tls-port': String(tlsPort) }), ...options.tls, ...options.settings };
  const reaper = options.reaper ?? startReaper();
  const server = redisProcess({ ...options, settings, port, reaper });
  const stop = async (): Promise<void> => {
    await server.stop();
    if (options.reaper === undefined) await reaper.stop();
  };
  try {
    await server.start();
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: server.url, port, tlsPort, process: server, stop };
}
