import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSimControl, type SimControl } from '@aegis/ec2-sim';
import { type Stack, startStack } from '@aegis/local-stack';
import { freePort } from '../src/free-port.js';
import { findProgram, startMonitoring } from '../src/monitoring.js';
import { repositoryPath } from '../src/repository.js';
import { scaleRules } from '../src/scale-rules.js';
import { waitFor } from '../src/wait-for.js';
import { type AlertWatch, watchAlerts } from './alert-watch.js';
import { type PrometheusClient, prometheusClient } from './prometheus-client.js';
import { type RelayClient, relayClient } from './relay-client.js';
import { startWebhookReceiver, type WebhookReceiver } from './webhook-receiver.js';

/** The whole product with a Prometheus and an Alertmanager that read the repository's files on a faster clock. */
export interface MonitoredStack {
  stack: Stack;
  sim: SimControl;
  relays: RelayClient;
  prometheus: PrometheusClient;
  receiver: WebhookReceiver;
  alerts: AlertWatch;
  stop(): Promise<void>;
}

const PROGRAMS: [string, ...string[]][] = [['prometheus'], ['prometheus-alertmanager', 'alertmanager']];
/** Prometheus itself waits 5 s before it takes its targets. */
const QUIET_WITHIN_MS = 30_000;

/** The programs without which there is nothing to monitor with. */
export function missingPrograms(): string[] {
  return PROGRAMS.filter((names) => findProgram(...names) === null).map(([name]) => name);
}

/** As an operator would set it, in the line that stands ready for it. */
export const RUNBOOK_BASE = 'https://git.example.com/aegis/blob/v0.1.0';

/** Where alertmanager.yml sends its messages, and where runbooks are read, is all that the copy changes besides durations. */
async function copyScaled(target: string, factor: number, webhookPort: number): Promise<void> {
  await scaleRules(repositoryPath('prometheus'), target, factor);
  const file = join(target, 'alertmanager.yml');
  await writeFile(file, (await readFile(file, 'utf8')).replaceAll('127.0.0.1:9099', `127.0.0.1:${webhookPort}`));
  const settings = join(target, 'prometheus.yml');
  await writeFile(settings, (await readFile(settings, 'utf8')).replace(/# (external_labels: )/, '$1'));
}

/** Resolves once both apps are scraped and no alert fires: what fires later was brought about later. */
async function quiet(prometheus: PrometheusClient): Promise<void> {
  await waitFor('both apps to be scraped and all alerts silent', QUIET_WITHIN_MS, async () => {
    const [up, alerts] = await Promise.all([prometheus.query('up == 1'), prometheus.alerts()]);
    return up.length === 2 && !alerts.some(({ state }) => state === 'firing');
  });
}

/** `factor`: what every duration of the rules and settings is multiplied with. */
export async function startMonitoredStack(factor: number): Promise<MonitoredStack> {
  const dir = await mkdtemp(join(tmpdir(), 'aegis-monitoring-'));
  const ports = {
    api: await freePort(),
    jobs: await freePort(),
    prometheus: await freePort(),
    alertmanager: await freePort(),
  };
  const receiver = await startWebhookReceiver(await freePort());
  const configDir = join(dir, 'scaled');
  await copyScaled(configDir, factor, receiver.port);
  const stops: (() => Promise<void>)[] = [() => receiver.stop(), () => rm(dir, { recursive: true, force: true })];
  const stop = async (): Promise<void> => {
    for (const each of stops) await each();
  };
  const starting = [
    startStack({
      ports,
      env: { AEGIS_SWEEP_INTERVAL_SECONDS: '2', AEGIS_SWEEP_GRACE_SECONDS: '1' },
      simEnv: { AEGIS_SIM_BOOT_MS: '200' },
    }),
    startMonitoring({ dir: join(dir, 'run'), configDir, ports }),
  ] as const;
  for (const each of await Promise.allSettled(starting)) {
    if (each.status === 'fulfilled') stops.unshift(() => each.value.stop());
  }
  try {
    const [stack, monitoring] = await Promise.all(starting);
    const prometheus = prometheusClient(monitoring.prometheus.url);
    await quiet(prometheus);
    const alerts = watchAlerts(prometheus, receiver);
    stops.unshift(() => alerts.stop());
    return {
      stack,
      sim: createSimControl(stack.sim.url),
      relays: relayClient(stack.apiUrl),
      prometheus,
      receiver,
      alerts,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
