import { setTimeout as delay } from 'node:timers/promises';
import { type RelayView, relayPageSchema, relayViewSchema } from './relay-view.js';

export interface Answer {
  status: number;
  body: unknown;
  /** When the attempt that was answered had been sent (Unix ms). */
  sentAt: number;
}

export interface CreateRequest {
  idempotencyKey: string;
  region: string;
  leaseSeconds: number;
}

/** A tenant's client, as a sane one is written: it changes replicas and repeats what was not answered. */
export interface FailoverClient {
  /** Null, here and below: nobody answered in time, so nothing is known. */
  create(request: CreateRequest): Promise<{ relay: RelayView; sentAt: number; status: number } | null>;
  /** `gone`: not found. */
  get(id: string): Promise<RelayView | 'gone' | null>;
  /** `status` 200 and 202 acknowledge it. */
  remove(id: string): Promise<Answer | null>;
  renew(id: string, leaseSeconds: number): Promise<{ relay: RelayView; sentAt: number } | null>;
  /** All relays in these states. */
  list(states: readonly RelayView['state'][]): Promise<RelayView[] | null>;
  events(id: string): Promise<unknown>;
}

export interface FailoverClientOptions {
  /** The replicas, asked in turn. */
  urls: readonly string[];
  key: string;
  /** Told of every answer, and of `none` for an attempt without one. */
  onAnswer(operation: string, outcome: string): void;
}

const ATTEMPT_TIMEOUT_MS = 2_000;
const GIVE_UP_MS = 8_000;
const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 800;
const PAGE = 200;

interface Request {
  operation: string;
  method: 'GET' | 'POST' | 'DELETE';
  path: string;
  headers?: Record<string, string>;
  body?: object;
}

export function createFailoverClient({ urls, key, onAnswer }: FailoverClientOptions): FailoverClient {
  let turn = 0;

  async function attempt({ operation, method, path, headers, body }: Request): Promise<Answer | null> {
    const url = `${urls[turn++ % urls.length]}/api/v1/relays${path}`;
    const sentAt = Date.now();
    try {
      const response = await fetch(url, {
        method,
        headers: {
          authorization: `Bearer ${key}`,
          ...headers,
          ...(body !== undefined && { 'content-type': 'application/json' }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(ATTEMPT_TIMEOUT_MS),
      });
      const text = await response.text();
      onAnswer(operation, String(response.status));
      return { status: response.status, body: parsed(text), sentAt };
    } catch {
      // Refused, cut or too slow: what the request did is unknown until it is repeated.
      onAnswer(operation, 'none');
      return null;
    }
  }

  async function ask(request: Request): Promise<Answer | null> {
    const deadline = performance.now() + GIVE_UP_MS;
    for (let wait = FIRST_RETRY_MS; ; wait = Math.min(LONGEST_RETRY_MS, wait * 2)) {
      const answer = await attempt(request);
      if (answer !== null && answer.status < 500 && answer.status !== 429) return answer;
      if (performance.now() + wait > deadline) return null;
      await delay(wait);
    }
  }

  async function page(states: readonly string[], cursor: string | null) {
    const query = new URLSearchParams({ limit: String(PAGE) });
    for (const state of states) query.append('state', state);
    if (cursor !== null) query.set('cursor', cursor);
    const answer = await ask({ operation: 'list', method: 'GET', path: `?${query}` });
    return answer === null ? null : relayPageSchema.parse(succeeded(answer, 200).body);
  }

  return {
    async create({ idempotencyKey, region, leaseSeconds }) {
      const headers = { 'idempotency-key': idempotencyKey };
      const body = { region, leaseSeconds, labels: { key: idempotencyKey } };
      const answer = await ask({ operation: 'create', method: 'POST', path: '', headers, body });
      if (answer === null) return null;
      const { status, sentAt } = answer;
      return { relay: relayViewSchema.parse(succeeded(answer, 201, 202).body), sentAt, status };
    },
    async get(id) {
      const answer = await ask({ operation: 'get', method: 'GET', path: `/${id}` });
      if (answer === null) return null;
      return answer.status === 404 ? 'gone' : relayViewSchema.parse(succeeded(answer, 200).body);
    },
    remove: (id) => ask({ operation: 'delete', method: 'DELETE', path: `/${id}` }),
    async renew(id, leaseSeconds) {
      const answer = await ask({ operation: 'renew', method: 'POST', path: `/${id}/renew`, body: { leaseSeconds } });
      if (answer?.status !== 200) return null;
      return { relay: relayViewSchema.parse(answer.body), sentAt: answer.sentAt };
    },
    async list(states) {
      const relays: RelayView[] = [];
      let cursor: string | null = null;
      do {
        const next: Awaited<ReturnType<typeof page>> = await page(states, cursor);
        if (next === null) return null;
        relays.push(...next.relays);
        cursor = next.nextCursor;
      } while (cursor !== null);
      return relays;
    },
    events: async (id) => (await ask({ operation: 'events', method: 'GET', path: `/${id}/events` }))?.body,
  };
}

/** The harness asks for nothing that may be refused: another answer is a fault of one of the two. */
function succeeded(answer: Answer, ...statuses: number[]): Answer {
  if (statuses.includes(answer.status)) return answer;
  throw new Error(`the api answered ${answer.status}: ${JSON.stringify(answer.body)}`);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
