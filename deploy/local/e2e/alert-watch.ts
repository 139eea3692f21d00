import { setTimeout as delay } from 'node:timers/promises';
import { waitFor } from '../src/wait-for.js';
import type { PrometheusClient } from './prometheus-client.js';
import type { WebhookReceiver } from './webhook-receiver.js';

/** Which alert: its name and as many of its labels as tell it from others of that name. */
export interface AlertKey {
  name: string;
  labels?: Record<string, string>;
}

/** When an alert entered each state, as Prometheus' API showed it and as Alertmanager told it. Unix milliseconds. */
export interface AlertCourse {
  /** Null for a rule without `for`, which fires in the evaluation that finds it. */
  pendingAt: number | null;
  firingAt: number;
  firingToldAt: number;
  resolvedAt: number;
  resolvedToldAt: number;
}

/** Follows all alerts of a Prometheus and what Alertmanager says about them. */
export interface AlertWatch {
  /** Resolves with the time at which the alert was first seen firing. */
  fires(key: AlertKey, withinMs: number): Promise<number>;
  /** Resolves once the alert has fired, was resolved, and Alertmanager has told both. */
  runsItsCourse(key: AlertKey, withinMs: number): Promise<AlertCourse>;
  /** Names of all alerts that were ever seen firing. */
  firedNames(): Set<string>;
  stop(): Promise<void>;
}

type State = 'pending' | 'firing' | 'inactive';

interface Change {
  at: number;
  labels: Record<string, string>;
  state: State;
}

const POLL_MS = 100;

export function isAbout(labels: Record<string, string>, { name, labels: wanted = {} }: AlertKey): boolean {
  return labels.alertname === name && Object.entries(wanted).every(([label, value]) => labels[label] === value);
}

export function watchAlerts(prometheus: PrometheusClient, receiver: WebhookReceiver): AlertWatch {
  const changes: Change[] = [];
  const known = new Map<string, Change>();
  const abort = new AbortController();

  function note(at: number, labels: Record<string, string>, state: State): void {
    const key = JSON.stringify(Object.entries(labels).sort());
    if ((known.get(key)?.state ?? 'inactive') === state) return;
    const change = { at, labels, state };
    known.set(key, change);
    changes.push(change);
  }

  async function look(): Promise<void> {
    const alerts = await prometheus.alerts();
    const at = Date.now();
    for (const { labels, state } of alerts) note(at, labels, state);
    const active = new Set(alerts.map(({ labels }) => JSON.stringify(Object.entries(labels).sort())));
    for (const [key, { labels }] of known) if (!active.has(key)) note(at, labels, 'inactive');
  }

  async function follow(): Promise<void> {
    while (!abort.signal.aborted) {
      // An answer that does not come is asked for again; who waits for an alert says so in the end.
      await look().catch(() => undefined);
      await delay(POLL_MS, undefined, { signal: abort.signal }).catch(() => undefined);
    }
  }

  const entered = (key: AlertKey, state: State, after = 0) =>
    changes.find((change) => change.at >= after && change.state === state && isAbout(change.labels, key))?.at;
  const told = (key: AlertKey, status: 'firing' | 'resolved', after = 0) =>
    receiver.notifications.find((told) => told.at >= after && told.status === status && isAbout(told.labels, key))?.at;
  const following = follow();

  return {
    fires: (key, withinMs) => waitFor(`${JSON.stringify(key)} to fire`, withinMs, async () => entered(key, 'firing')),
    runsItsCourse: (key, withinMs) =>
      waitFor(`${JSON.stringify(key)} to fire and to be resolved`, withinMs, async () => {
        const firingAt = entered(key, 'firing');
        const firingToldAt = told(key, 'firing');
        if (firingAt === undefined || firingToldAt === undefined) return undefined;
        const resolvedAt = entered(key, 'inactive', firingAt);
        const resolvedToldAt = told(key, 'resolved', firingToldAt);
        if (resolvedAt === undefined || resolvedToldAt === undefined) return undefined;
        // The last time before it fired: a blip may have been pending, and gone again, before.
        const pending = changes.filter((c) => c.at < firingAt && c.state === 'pending' && isAbout(c.labels, key));
        return { pendingAt: pending.at(-1)?.at ?? null, firingAt, firingToldAt, resolvedAt, resolvedToldAt };
      }),
    firedNames: () =>
      new Set(changes.filter(({ state }) => state === 'firing').map(({ labels }) => labels.alertname ?? '')),
    async stop() {
      abort.abort();
      await following;
    },
  };
}
