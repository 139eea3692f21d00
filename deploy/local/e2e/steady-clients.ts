import { Agent, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { LOCAL_KEY } from './api-call.js';
import type { RelayAnswer } from './relay-client.js';

export interface SteadyClients {
  /** Relays whose creation was acknowledged, and those of them whose end was. */
  readonly created: ReadonlySet<string>;
  readonly deleted: ReadonlySet<string>;
  readonly requests: number;
  /** Every answer that was none of those a client may expect, and every broken connection. */
  readonly failures: readonly string[];
  /** Connections that were opened for all of it. */
  readonly connections: number;
  stop(): Promise<void>;
}

const CLIENTS = 4;
const PAUSE_MS = 150;
const READS = 3;

/** Clients that go on creating, reading, renewing and deleting on kept connections, and never ask twice. */
export function startSteadyClients(apiUrl: string): SteadyClients {
  const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS });
  const created = new Set<string>();
  const deleted = new Set<string>();
  const failures: string[] = [];
  const over = new AbortController();
  let requests = 0;
  let connections = 0;

  function ask(method: string, path: string, body?: object, headers?: Record<string, string>): Promise<RelayAnswer> {
    requests += 1;
    return new Promise((resolve, reject) => {
      const outgoing = request(`${apiUrl}/api/v1/relays${path}`, {
        agent,
        method,
        headers: { authorization: `Bearer ${LOCAL_KEY}`, 'content-type': 'application/json', ...headers },
      });
      outgoing.once('socket', () => {
        if (!outgoing.reusedSocket) connections += 1;
      });
      outgoing.once('error', reject);
      outgoing.once('response', async (answer) => {
        try {
          let text = '';
          for await (const chunk of answer) text += String(chunk);
          if ((answer.statusCode ?? 0) >= 300) reject(new Error(`${answer.statusCode}: ${text}`));
          else resolve(JSON.parse(text || '{}') as RelayAnswer);
        } catch (error) {
          reject(error);
        }
      });
      outgoing.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  async function tryTo<T>(what: string, work: Promise<T>): Promise<T | null> {
    try {
      return await work;
    } catch (error) {
      failures.push(`${what}: ${error instanceof Error ? error.message : String(error)}`);
      return null;
    } finally {
      await delay(PAUSE_MS);
    }
  }

  async function client(number: number): Promise<void> {
    for (let turn = number; !over.signal.aborted; turn += 1) {
      // Every other one waits for its relay, and so has a request under way most of the time.
      const headers = turn % 2 === 0 ? { prefer: 'wait=5' } : {};
      const relay = await tryTo('create', ask('POST', '', { leaseSeconds: 600 }, headers));
      if (relay === null) continue;
      created.add(relay.id);
      for (let read = 0; read < READS && !over.signal.aborted; read += 1) {
        await tryTo('read', ask('GET', `/${relay.id}`));
        await tryTo('list', ask('GET', '?limit=5'));
      }
      await tryTo('renew', ask('POST', `/${relay.id}/renew`, { leaseSeconds: 900 }));
      if (turn % 3 !== 0 && (await tryTo('delete', ask('DELETE', `/${relay.id}`)))) deleted.add(relay.id);
    }
  }

  const running = Promise.all(Array.from({ length: CLIENTS }, (_, number) => client(number)));
  return {
    created,
    deleted,
    failures,
    get requests() {
      return requests;
    },
    get connections() {
      return connections;
    },
    async stop() {
      over.abort();
      await running;
      agent.destroy();
    },
  };
}
