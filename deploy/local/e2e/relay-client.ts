import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';

/** A relay as the API answers it; only what the tests look at. */
export interface RelayAnswer {
  id: string;
  state: string;
  region: string;
  address: string | null;
  instanceId: string | null;
  createdAt: string;
  leaseExpiresAt: string;
  endedAt: string | null;
  reason: string | null;
}

export interface RelayClient {
  create(body?: object): Promise<RelayAnswer>;
  get(id: string): Promise<RelayAnswer>;
  remove(id: string): Promise<void>;
  /** Resolves with the relay once it is in the state; rejects with what it is instead when that takes too long. */
  becomes(id: string, state: string, withinMs: number): Promise<RelayAnswer>;
}

const POLL_MS = 25;
const HEADERS = { authorization: 'Bearer aegis-local-dev-key', 'content-type': 'application/json' };

/** How often a call that the store was too slow for is sent again. */
const REPEATS = 5;

/** A client as it should be: what is refused for the store's sake is sent again, creates under their idempotency key. */
export function relayClient(apiUrl: string): RelayClient {
  async function call(method: string, path: string, body?: object): Promise<unknown> {
    const request = {
      method,
      headers: { ...HEADERS, ...(method === 'POST' && { 'idempotency-key': randomUUID() }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    };
    for (let sent = 1; ; sent++) {
      const answer = await fetch(`${apiUrl}/api/v1/relays${path}`, request);
      const text = await answer.text();
      if (answer.ok) return text === '' ? undefined : JSON.parse(text);
      if (answer.status !== 503 || sent > REPEATS) {
        throw new Error(`${method} ${path} answered ${answer.status}: ${text}`);
      }
      await delay(Number(answer.headers.get('retry-after') ?? 1) * 1_000);
    }
  }
  const get = async (id: string): Promise<RelayAnswer> => (await call('GET', `/${id}`)) as RelayAnswer;
  return {
    get,
    create: async (body = {}) => (await call('POST', '', body)) as RelayAnswer,
    remove: async (id) => void (await call('DELETE', `/${id}`)),
    async becomes(id, state, withinMs) {
      const deadline = performance.now() + withinMs;
      for (;;) {
        const relay = await get(id);
        if (relay.state === state) return relay;
        if (performance.now() > deadline) {
          throw new Error(`not ${state} within ${withinMs} ms: ${JSON.stringify(relay)}`);
        }
        await delay(POLL_MS);
      }
    },
  };
}
