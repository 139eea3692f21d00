import { setTimeout as delay } from 'node:timers/promises';
import type { SimControl } from '@aegis/ec2-sim';
import { callApi } from './api-call.js';
import { Tally } from './exposition.js';
import type { RelayAnswer } from './relay-client.js';

export interface MixedTraffic {
  /** Ids of all relays asked for. */
  ids: string[];
  /** What the api must have counted, by `method`, `route` and `code`. */
  requests: Tally;
}

export interface MixedTrafficOptions {
  apiUrl: string;
  sim: SimControl;
  regions: readonly string[];
  /** How many operations, whatever they are. */
  operations: number;
  seed: number;
}

const IN_FLIGHT = 8;
const PAUSE_MS = 150;

/** A small repeatable generator (mulberry32): a run that fails can be run again. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Clients that create, read, renew and delete relays, and machines that die or are ended by somebody else. */
export async function driveMixedTraffic(options: MixedTrafficOptions): Promise<MixedTraffic> {
  const { apiUrl, sim, regions, operations } = options;
  const random = randomFrom(options.seed);
  const pick = <T>(list: readonly T[]): T | undefined => list[Math.floor(random() * list.length)];
  const ids: string[] = [];
  const kept: string[] = [];
  const requests = new Tally();

  async function request(
    method: 'GET' | 'POST' | 'DELETE',
    route: string,
    id = '',
    body?: object,
  ): Promise<RelayAnswer> {
    const url = apiUrl + route.replace('{id}', id);
    const answer = await callApi(url, { method, ...(body === undefined ? {} : { body }) });
    requests.add('aegis_http_requests_total', { method, route, code: String(answer.status) });
    return answer.body;
  }

  async function create(): Promise<void> {
    const { id } = await request('POST', '/api/v1/relays', '', { region: pick(regions), leaseSeconds: 600 });
    ids.push(id);
    kept.push(id);
  }

  async function remove(): Promise<void> {
    const [id] = kept.splice(Math.floor(random() * kept.length), 1);
    if (id !== undefined) await request('DELETE', '/api/v1/relays/{id}', id);
  }

  /** A machine dies by itself or by somebody else's hand; its client may delete the relay before anybody notices. */
  async function misfortune(end: (instanceIds: string[]) => Promise<void>): Promise<void> {
    const id = pick(kept);
    if (id === undefined) return create();
    const { state, instanceId } = await request('GET', '/api/v1/relays/{id}', id);
    if (state !== 'active' || instanceId === null) return;
    kept.splice(kept.indexOf(id), 1);
    await end([instanceId]);
    if (random() < 0.5) await request('DELETE', '/api/v1/relays/{id}', id);
  }

  async function operate(): Promise<void> {
    const dice = random();
    const id = pick(kept);
    if (id === undefined || dice < 0.36) await create();
    else if (dice < 0.58) await remove();
    else if (dice < 0.7) await request('POST', '/api/v1/relays/{id}/renew', id, { leaseSeconds: 900 });
    else if (dice < 0.82) await request('GET', '/api/v1/relays/{id}', id);
    else if (dice < 0.9) await request('GET', '/api/v1/relays');
    else if (dice < 0.94) await request('GET', '/api/v1/relays/{id}/events', id);
    else if (dice < 0.97) await misfortune((instanceIds) => sim.kill({ instanceIds, code: 'Server.InternalError' }));
    else await misfortune((instanceIds) => sim.terminateOutside(instanceIds));
  }

  for (let done = 0; done < operations; done += IN_FLIGHT) {
    await Promise.all(Array.from({ length: Math.min(IN_FLIGHT, operations - done) }, operate));
    await delay(PAUSE_MS);
  }
  return { ids, requests };
}
