import type { CapacityLimitInput, Quota } from '../state/capacity.js';
import type { ActiveFault, FaultInput } from '../state/faults.js';
import type { Settings } from '../state/settings.js';
import type {
  AgentsRequest,
  CallCounts,
  CallPage,
  CallQuery,
  CapacityState,
  ImageParameter,
  KillRequest,
  LedgerPage,
  LedgerQuery,
  SeedRequest,
  SeedResult,
  SimInstance,
  SimInstanceDetails,
  SimState,
  StateQuery,
} from './control-types.js';

/** The control API as a typed client; each call throws with the simulator's words when it is refused. */
export interface SimControl {
  state(query?: StateQuery): Promise<SimState>;
  /** All instances of all regions, or of one. */
  instances(query?: StateQuery): Promise<SimInstance[]>;
  instance(id: string): Promise<SimInstanceDetails>;
  ledger(query?: LedgerQuery): Promise<LedgerPage>;
  calls(query?: CallQuery): Promise<CallPage>;
  counts(): Promise<CallCounts>;
  fault(fault: FaultInput): Promise<ActiveFault>;
  faults(): Promise<ActiveFault[]>;
  /** Takes all faults away and lets go of what they hold. */
  clearFaults(): Promise<void>;
  clearFault(id: number): Promise<void>;
  settings(): Promise<Settings>;
  changeSettings(patch: Partial<Settings>): Promise<Settings>;
  setCapacity(limit: CapacityLimitInput): Promise<void>;
  setQuota(quota: Quota): Promise<void>;
  /** Somebody changes the SSM parameter: launches by its name boot from this image from now on. */
  setImageParameter(parameter: ImageParameter): Promise<void>;
  capacity(): Promise<CapacityState>;
  /** Takes all capacity limits and quotas away. */
  clearCapacity(): Promise<void>;
  refillThrottle(): Promise<void>;
  /** Instances die at once: a failed host, a launch that could not be completed, a spot interruption. */
  kill(request: KillRequest): Promise<void>;
  /** Somebody terminates them past this deployment. */
  terminateOutside(instanceIds: readonly string[]): Promise<void>;
  protect(instanceIds: readonly string[], on?: boolean): Promise<void>;
  setAgents(request: AgentsRequest): Promise<void>;
  seed(request: SeedRequest): Promise<SeedResult>;
  /** Terminated instances disappear now; answers how many. */
  purge(): Promise<number>;
  reset(): Promise<void>;
}

/** A client for the simulator at `url` (its EC2 endpoint's own address). */
export function createSimControl(url: string): SimControl {
  const base = `${url.replace(/\/+$/, '')}/_sim/`;

  async function call<T>(method: string, path: string, body?: object): Promise<T> {
    const answer = await fetch(base + path, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`simulator refused ${method} ${path}: ${answer.status} ${text}`);
    return JSON.parse(text) as T;
  }

  const state = (query: StateQuery = {}) => call<SimState>('GET', `state${queryString(query)}`);
  return {
    state,
    instances: async (query) => Object.values((await state(query)).regions).flatMap((region) => region.instances),
    instance: (id) => call('GET', `instances/${encodeURIComponent(id)}`),
    ledger: (query = {}) => call('GET', `ledger${queryString(query)}`),
    calls: (query = {}) => call('GET', `calls${queryString(query)}`),
    counts: () => call('GET', 'counts'),
    fault: (fault) => call('POST', 'faults', fault),
    faults: () => call('GET', 'faults'),
    clearFaults: () => call('DELETE', 'faults'),
    clearFault: (id) => call('DELETE', `faults/${id}`),
    settings: () => call('GET', 'settings'),
    changeSettings: (patch) => call('PATCH', 'settings', patch),
    setCapacity: (limit) => call('POST', 'capacity', limit),
    setQuota: (quota) => call('POST', 'quotas', quota),
    setImageParameter: (parameter) => call('POST', 'parameters', parameter),
    capacity: () => call('GET', 'capacity'),
    clearCapacity: () => call('DELETE', 'capacity'),
    refillThrottle: () => call('DELETE', 'throttle'),
    kill: (request) => call('POST', 'instances/kill', request),
    terminateOutside: (instanceIds) => call('POST', 'instances/terminate', { instanceIds }),
    protect: (instanceIds, on = true) => call('POST', 'instances/protect', { instanceIds, protected: on }),
    setAgents: (request) => call('POST', 'agents', request),
    seed: (request) => call('POST', 'seed', request),
    purge: async () => (await call<{ purged: number }>('POST', 'purge')).purged,
    reset: () => call('POST', 'reset'),
  };
}

function queryString(query: object): string {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) given.set(name, String(value));
  return given.size === 0 ? '' : `?${given}`;
}
