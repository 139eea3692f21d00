import type { AgentFleet } from '../agent/agent-fleet.js';
import { capacityLimitSchema, quotaSchema } from '../state/capacity.js';
import { type Cloud, USER_INITIATED } from '../state/cloud.js';
import { faultSchema } from '../state/faults.js';
import type { Instance } from '../state/model.js';
import { ControlError } from './control-error.js';
import {
  agentsSchema,
  imageParameterSchema,
  killSchema,
  outsideTerminationSchema,
  protectionSchema,
  seedSchema,
  settingsPatchSchema,
} from './control-schema.js';
import type { CallPage, LedgerPage, SimState } from './control-types.js';
import { countStates, instanceDetails, instanceView } from './instance-view.js';
import { seed } from './seed.js';

export interface ControlRequest {
  body: unknown;
  query: URLSearchParams;
  /** The last part of the path, where the route has one. */
  argument: string;
}
export type ControlHandler = (request: ControlRequest) => unknown;
/** Path below `/_sim/` → method → handler. */
export type ControlRoutes = Readonly<Record<string, Readonly<Record<string, ControlHandler>>>>;

export interface ControlContext {
  cloud: Cloud;
  fleet: AgentFleet;
  /** Lets go of every call that a fault holds. */
  releaseCalls(): void;
  /** Empties the cloud and puts the settings back to what it was started with. */
  reset(): Promise<void>;
}

const DONE = { ok: true };
const DEFAULT_LIMIT = 10_000;

export function controlRoutes(context: ControlContext): ControlRoutes {
  return { ...readingRoutes(context), ...instanceRoutes(context), ...behaviourRoutes(context) };
}

function readingRoutes({ cloud, fleet }: ControlContext): ControlRoutes {
  return {
    health: { GET: () => DONE },
    state: { GET: ({ query }) => stateOf(cloud, fleet, query) },
    ledger: { GET: ({ query }) => ledgerPage(cloud, query) },
    calls: { GET: ({ query }) => callPage(cloud, query) },
    counts: { GET: () => cloud.calls.counts() },
    'instances/:id': { GET: ({ argument }) => instanceDetails(known(cloud, argument)) },
  };
}

function instanceRoutes({ cloud, fleet }: ControlContext): ControlRoutes {
  return {
    'instances/kill': {
      POST({ body }) {
        const { instanceIds, code = 'Server.InternalError', message } = killSchema.parse(body);
        const reason = { code, message: message ?? `${code}: Internal error on launch` };
        for (const instance of all(cloud, instanceIds)) cloud.kill(instance, 'fault', reason);
        return DONE;
      },
    },
    'instances/terminate': {
      POST({ body }) {
        const { instanceIds } = outsideTerminationSchema.parse(body);
        for (const instance of all(cloud, instanceIds)) cloud.shutDown(instance, 'outside', USER_INITIATED);
        return DONE;
      },
    },
    'instances/protect': {
      POST({ body }) {
        const order = protectionSchema.parse(body);
        for (const instance of all(cloud, order.instanceIds)) cloud.protect(instance, order.protected);
        return DONE;
      },
    },
    agents: {
      POST({ body }) {
        const { mode, ...selection } = agentsSchema.parse(body);
        fleet.setMode(mode, selection);
        return DONE;
      },
    },
    seed: { POST: ({ body }) => seed(cloud, seedSchema.parse(body)) },
    purge: { POST: () => ({ purged: cloud.purgeTerminated() }) },
  };
}

function behaviourRoutes({ cloud, releaseCalls, reset }: ControlContext): ControlRoutes {
  return {
    faults: {
      GET: () => cloud.faults.list(),
      POST: ({ body }) => cloud.faults.add(faultSchema.parse(body)),
      DELETE() {
        cloud.faults.clear();
        releaseCalls();
        return DONE;
      },
    },
    'faults/:id': {
      DELETE({ argument }) {
        cloud.faults.clear(Number(argument));
        return DONE;
      },
    },
    settings: {
      GET: () => cloud.settings,
      PATCH: ({ body }) => Object.assign(cloud.settings, settingsPatchSchema.parse(body)),
    },
    capacity: {
      GET: () => ({ limits: cloud.capacity.limits(), quotas: cloud.capacity.quotas() }),
      POST({ body }) {
        cloud.capacity.setLimit(capacityLimitSchema.parse(body));
        return DONE;
      },
      DELETE() {
        cloud.capacity.clearLimits();
        return DONE;
      },
    },
    parameters: {
      POST({ body }) {
        const { region, name, imageId } = imageParameterSchema.parse(body);
        for (const each of cloud.regions.values()) {
          if (region === undefined || region === each.name) each.catalogue.imageParameters.set(name, imageId);
        }
        return DONE;
      },
    },
    quotas: {
      POST({ body }) {
        cloud.capacity.setQuota(quotaSchema.parse(body));
        return DONE;
      },
    },
    throttle: {
      /** Full buckets again. */
      DELETE() {
        cloud.throttle.reset();
        return DONE;
      },
    },
    reset: { POST: () => reset().then(() => DONE) },
  };
}

function stateOf(cloud: Cloud, fleet: AgentFleet, query: URLSearchParams): SimState {
  const onlyRegion = query.get('region');
  const onlyState = query.get('state');
  const regions: SimState['regions'] = {};
  for (const region of cloud.regions.values()) {
    if (onlyRegion === null ? region.instances.size === 0 : region.name !== onlyRegion) continue;
    const listed = query.get('instances') === 'false' ? [] : [...region.instances.values()];
    const shown = listed.filter((instance) => onlyState === null || instance.state === onlyState);
    regions[region.name] = { counts: countStates(region.instances.values()), instances: shown.map(instanceView) };
  }
  return { now: cloud.now(), agents: fleet.size, regions };
}

function ledgerPage(cloud: Cloud, query: URLSearchParams): LedgerPage {
  const region = query.get('region');
  const event = query.get('event');
  const instanceId = query.get('instanceId');
  const records = cloud.ledger.after(
    numberOf(query, 'after', 0),
    numberOf(query, 'limit', DEFAULT_LIMIT),
    (record) =>
      (region === null || record.region === region) &&
      (event === null || record.event === event) &&
      (instanceId === null || record.instanceId === instanceId),
  );
  return {
    records: records.map((record) => ({ ...record, tags: Object.fromEntries(record.tags) })),
    lastSeq: cloud.ledger.lastSeq,
  };
}

function callPage(cloud: Cloud, query: URLSearchParams): CallPage {
  const region = query.get('region');
  const operation = query.get('operation');
  const calls = cloud.calls.after(
    numberOf(query, 'after', 0),
    numberOf(query, 'limit', DEFAULT_LIMIT),
    (call) => (region === null || call.region === region) && (operation === null || call.operation === operation),
  );
  return { calls, lastSeq: cloud.calls.lastSeq };
}

function numberOf(query: URLSearchParams, name: string, byDefault: number): number {
  const text = query.get(name);
  if (text === null) return byDefault;
  if (!/^\d{1,15}$/.test(text)) throw new ControlError(400, `${name} must be a number`);
  return Number(text);
}

function all(cloud: Cloud, ids: readonly string[]): Instance[] {
  return ids.map((id) => known(cloud, id));
}

function known(cloud: Cloud, id: string): Instance {
  const instance = cloud.instance(id);
  if (instance === undefined) throw new ControlError(404, `no instance ${id}`);
  return instance;
}
