import { setTimeout as delay } from 'node:timers/promises';
import { callApi } from './api-call.js';

/** What clients did and were told while Redis failed over under them. */
export interface FailoverTraffic {
  /** Relays whose create was acknowledged, and that nobody asked to delete. */
  readonly kept: Set<string>;
  /** Relays whose delete was acknowledged. */
  readonly deleted: Set<string>;
  /** Statuses of all answers. */
  readonly statuses: Map<number, number>;
  /** Codes of the answers that were no success. */
  readonly refusals: Set<string | undefined>;
  acknowledged(): number;
  refused(): number;
  /** Ends the traffic; what is under way is repeated until it is acknowledged. */
  stop(): Promise<void>;
  /** Ends it as it is. */
  abort(): void;
}

const PAUSE_MS = 50;

/**
 * Clients as they should be: each create has an idempotency key, and what was not acknowledged is sent again until it is.
 * Every second relay is deleted at once.
 */
export function startFailoverTraffic(relaysUrl: string, bodies: readonly object[]): FailoverTraffic {
  const kept = new Set<string>();
  const deleted = new Set<string>();
  const statuses = new Map<number, number>();
  const refusals = new Set<string | undefined>();
  let over = false;
  let aborted = false;
  let broken: Error | null = null;
  let sent = 0;

  async function untilAcknowledged(url: string, call: Parameters<typeof callApi>[1]) {
    for (;;) {
      const { status, body } = await callApi(url, call);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      if (status >= 200 && status < 300) return body;
      if (aborted) throw new Error('the traffic was ended');
      refusals.add(body.code);
      await delay(PAUSE_MS);
    }
  }

  async function client(body: object): Promise<void> {
    while (!over) {
      const number = sent++;
      const headers = { 'idempotency-key': `failover-${number}` };
      const { id } = await untilAcknowledged(relaysUrl, { method: 'POST', body, headers });
      if (number % 2 === 0) {
        kept.add(id);
      } else {
        await untilAcknowledged(`${relaysUrl}/${id}`, { method: 'DELETE' });
        deleted.add(id);
      }
      await delay(PAUSE_MS);
    }
  }

  const clients = bodies.map(client);
  // Whoever asks how far the traffic is, or stops it, hears of a client that could not go on.
  for (const running of clients) {
    running.catch((error: Error) => {
      broken ??= error;
    });
  }
  return {
    kept,
    deleted,
    statuses,
    refusals,
    acknowledged() {
      if (broken) throw broken;
      return kept.size + deleted.size;
    },
    refused: () => statuses.get(503) ?? 0,
    async stop() {
      over = true;
      await Promise.all(clients);
    },
    abort() {
      over = true;
      aborted = true;
    },
  };
}
