import { ConfigError, loadConfig } from '@aegis/config';
import { Redis } from 'ioredis';
import { isPortFree } from './free-port.js';
import type { UpSettings } from './up-settings.js';
import { UserError } from './user-error.js';

const REDIS_TIMEOUT_MS = 3_000;

async function checkPorts({ ports, monitoring }: UpSettings): Promise<void> {
  const wanted: [number, string][] = [
    [ports.api, 'AEGIS_API_PORT'],
    [ports.jobs, 'AEGIS_JOBS_PORT'],
    [ports.sim, 'AEGIS_SIM_PORT'],
  ];
  if (monitoring !== undefined) {
    wanted.push(
      [monitoring.prometheus, 'AEGIS_STACK_PROMETHEUS_PORT'],
      [monitoring.alertmanager, 'AEGIS_STACK_ALERTMANAGER_PORT'],
    );
  }
  for (const [port, name] of wanted) {
    if (await isPortFree(port)) continue;
    throw new UserError(`port ${port} is taken: stop what listens there, or choose another port with ${name}`);
  }
}

function withoutPassword(url: string): string {
  const parsed = new URL(url);
  if (parsed.password !== '') parsed.password = '***';
  return parsed.href;
}

/** A given Redis must answer and must never evict: an evicted key is a relay nobody remembers. */
async function checkRedis(url: string): Promise<void> {
  const redis = new Redis(url, {
    lazyConnect: true,
    connectTimeout: REDIS_TIMEOUT_MS,
    // ioredis waits so long even for a connection that is closed already.
    disconnectTimeout: 200,
    commandTimeout: REDIS_TIMEOUT_MS,
    maxRetriesPerRequest: 0,
    retryStrategy: null,
  });
  // The failed command says what is wrong; ioredis repeats it as an event that must have a listener.
  let fault: Error | undefined;
  redis.on('error', (error: Error) => {
    fault = error;
  });
  try {
    const memory = await redis.info('memory');
    const policy = /^maxmemory_policy:(\S+)/m.exec(memory)?.[1];
    if (policy === 'noeviction') return;
    throw new UserError(
      `the Redis at ${withoutPassword(url)} has maxmemory-policy ${policy}: Aegis needs noeviction, or relays get lost`,
    );
  } catch (error) {
    if (error instanceof UserError) throw error;
    const reason = fault?.message || (error as Error).message;
    throw new UserError(`the Redis at ${withoutPassword(url)} (REDIS_URL) cannot be used: ${reason}`);
  } finally {
    redis.disconnect();
  }
}

/** Reads the configuration as the apps will; the Redis of the stack itself is not known yet, any will do here. */
function checkConfig({ configFile, redisUrl }: UpSettings, env: NodeJS.ProcessEnv): void {
  try {
    loadConfig({ env: { ...env, AEGIS_CONFIG: configFile, REDIS_URL: redisUrl ?? 'redis://127.0.0.1' } });
  } catch (error) {
    if (error instanceof ConfigError) throw new UserError(error.message);
    throw error;
  }
}

/** Finds what would make the start fail, before anything is started. */
export async function preflight(settings: UpSettings, env: NodeJS.ProcessEnv): Promise<void> {
  checkConfig(settings, env);
  await checkPorts(settings);
  if (settings.redisUrl !== undefined) await checkRedis(settings.redisUrl);
}
