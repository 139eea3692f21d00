// `npm run up`: the whole product on this machine until Ctrl-C.
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { announcement } from './announcement.js';
import { type ManagedProcess, ProcessError } from './managed-process.js';
import { type Monitoring, startMonitoring } from './monitoring.js';
import { preflight } from './preflight.js';
import { repositoryPath } from './repository.js';
import { type Stack, startStack } from './stack.js';
import { lockState } from './state-lock.js';
import { listenForStop, type StopSignal } from './stop-signal.js';
import { readUpSettings, type UpSettings } from './up-settings.js';
import { UserError } from './user-error.js';

function say(line: string): void {
  console.error(`aegis: ${line}`);
}

/** The flag reaches this program but not the bootstrap that npm ran before it. */
function installPrometheus(): void {
  const bootstrap = repositoryPath('deploy/local/bootstrap.mjs');
  const { status } = spawnSync(process.execPath, [bootstrap, '--with-prometheus'], { stdio: 'inherit' });
  if (status !== 0) throw new UserError('Prometheus is not available: see above');
}

async function monitor({ monitoring, ports, stateDir }: UpSettings): Promise<Monitoring | null> {
  if (monitoring === undefined) return null;
  return startMonitoring({ dir: join(stateDir, 'monitoring'), ports: { ...ports, ...monitoring } });
}

function announce(stack: Stack, monitoring: Monitoring | null): void {
  console.log(
    announcement({
      apiUrl: stack.apiUrl,
      jobsUrl: stack.jobs[0]?.url ?? '',
      simUrl: stack.sim.url,
      redisUrl: stack.redis?.url ?? 'yours (REDIS_URL)',
      logsDir: relative(process.cwd(), join(stack.dir, 'logs')),
      ...(monitoring && { prometheusUrl: monitoring.prometheus.url, alertmanagerUrl: monitoring.alertmanager.url }),
    }),
  );
}

async function firstDeath(parts: ManagedProcess[]): Promise<never> {
  const dead = await Promise.race(parts.map((part) => part.exited().then(() => part)));
  throw dead.failure(`${dead.name} ended by itself`);
}

/** Runs the stack until the user or the death of one of its parts stops it. */
async function run(settings: UpSettings, stop: StopSignal): Promise<void> {
  const startedAt = performance.now();
  const env = process.env;
  const stack = await startStack({ ...settings, inheritedEnv: env, signal: stop.signal });
  const parts = [...stack.api, ...stack.jobs, stack.sim, ...(stack.redis ? [stack.redis] : [])];
  stop.onInsist(() => {
    for (const part of parts) part.kill('SIGKILL');
  });
  let monitoring: Monitoring | null = null;
  try {
    monitoring = await monitor(settings);
    say(`ready in ${((performance.now() - startedAt) / 1_000).toFixed(1)} s`);
    announce(stack, monitoring);
    if (!stop.signal.aborted) await Promise.race([once(stop.signal, 'abort'), firstDeath(parts)]);
    say('stopping');
  } finally {
    await Promise.all([monitoring?.stop(), stack.stop()]);
  }
}

async function up(stop: StopSignal): Promise<void> {
  const settings = readUpSettings(process.argv.slice(2), process.env);
  if (settings.monitoring !== undefined) installPrometheus();
  await preflight(settings, process.env);
  await mkdir(settings.stateDir, { recursive: true });
  const unlock = await lockState(join(settings.stateDir, 'up.pid'));
  try {
    say(`starting; state and logs are in ${relative(process.cwd(), settings.stateDir)}`);
    await run(settings, stop);
  } finally {
    await unlock();
  }
}

// A closed terminal must not turn the last lines into a crash before everything is stopped.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
const stop = listenForStop();
try {
  await up(stop);
  say('stopped');
} catch (error) {
  if (stop.signal.aborted && error === stop.signal.reason) say('stopped');
  else {
    const expected = error instanceof UserError || error instanceof ProcessError;
    say(expected ? error.message : String((error as Error).stack ?? error));
    process.exitCode = 1;
  }
} finally {
  stop.dispose();
}
