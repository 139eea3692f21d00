import { createHash } from 'node:crypto';
import { createSimControl, type LedgerEntry, type SimControl, type SimInstance } from '@aegis/ec2-sim';
import { type ManagedProcess, type Stack, startStack } from '@aegis/local-stack';
import type { StackOptions } from '../src/stack-options.js';
import { waitFor } from '../src/wait-for.js';
import { callApi, LOCAL_KEY } from './api-call.js';
import { type RelayAnswer, type RelayClient, relayClient } from './relay-client.js';

/** A second tenant beside the local environment's own. */
export const OTHER_KEY = 'aegis-other-tenant-key';

/** A whole stack whose sweeps and heartbeats come quickly, to be got into trouble. */
export interface TroubleStack {
  stack: Stack;
  relays: RelayClient;
  relaysUrl: string;
  sim: SimControl;
  /** Every instance that is neither terminated nor on its way there. */
  liveInstances(): Promise<SimInstance[]>;
  /** What became of instances since a ledger record: everything but launches and boots. */
  endsSince(seq: number): Promise<LedgerEntry[]>;
  launchesSince(seq: number): Promise<LedgerEntry[]>;
  ledgerSeq(): Promise<number>;
  ready(withinMs: number): Promise<void>;
  /** A new relay once it is active and its agent has heard of its lease. */
  activeRelay(body?: object, key?: string): Promise<RelayAnswer>;
  agentHeard(relay: RelayAnswer): Promise<boolean>;
  /** Deletes every relay of both tenants and waits for their instances to end. */
  endAll(): Promise<void>;
}

export function redisOf({ redis }: Stack): ManagedProcess {
  if (redis === null) throw new Error('the stack has no Redis of its own');
  return redis;
}

const ENDS: readonly string[] = ['shutting-down', 'terminated', 'stopping', 'stopped'];
const MOST_RECORDS = 5_000;

export async function startTroubleStack(options: StackOptions = {}): Promise<TroubleStack> {
  const stack = await startStack({
    ...options,
    env: {
      AEGIS_SWEEP_INTERVAL_SECONDS: '2',
      AEGIS_SWEEP_GRACE_SECONDS: '5',
      AEGIS_RELAYS_HEARTBEAT_INTERVAL_SECONDS: '1',
      AEGIS_API_KEYS: JSON.stringify([
        {
          name: 'other',
          tenant: 'other',
          sha256: createHash('sha256').update(OTHER_KEY).digest('hex'),
          scopes: ['relays:read', 'relays:write'],
        },
      ]),
      ...options.env,
    },
    simEnv: { AEGIS_SIM_BOOT_MS: '200', ...options.simEnv },
  });
  const sim = createSimControl(stack.sim.url);
  const recordsSince = async (seq: number) => (await sim.ledger({ after: seq, limit: MOST_RECORDS })).records;
  const relaysUrl = `${stack.apiUrl}/api/v1/relays`;
  const liveInstances = async () =>
    (await sim.instances()).filter(({ state }) => state !== 'terminated' && state !== 'shutting-down');
  const agentHeard = async ({ instanceId, leaseExpiresAt }: RelayAnswer) =>
    (await sim.instance(instanceId ?? '')).agent?.leaseExpiresAt === leaseExpiresAt;
  return {
    stack,
    sim,
    relays: relayClient(stack.apiUrl),
    relaysUrl,
    liveInstances,
    agentHeard,
    endsSince: async (seq) => (await recordsSince(seq)).filter(({ event }) => ENDS.includes(event)),
    launchesSince: async (seq) => (await recordsSince(seq)).filter(({ event }) => event === 'launched'),
    ledgerSeq: async () => (await sim.ledger({ limit: 1 })).lastSeq,
    async ready(withinMs) {
      await waitFor('both apps ready', withinMs, async () => {
        const answers = await Promise.all([...stack.api, ...stack.jobs].map(({ url }) => fetch(`${url}/readyz`)));
        return answers.every(({ ok }) => ok);
      });
    },
    async activeRelay(body = {}, key = LOCAL_KEY) {
      const { id } = (await callApi(relaysUrl, { method: 'POST', body, key })).body;
      return waitFor(`${id} active`, 10_000, async () => {
        const relay = (await callApi(`${relaysUrl}/${id}`, { key })).body;
        return relay.state === 'active' && (await agentHeard(relay)) ? relay : null;
      });
    },
    async endAll() {
      for (const key of [LOCAL_KEY, OTHER_KEY]) {
        const { body } = await callApi<{ relays: RelayAnswer[] }>(`${relaysUrl}?limit=200`, { key });
        await Promise.all(body.relays.map(({ id }) => callApi(`${relaysUrl}/${id}`, { method: 'DELETE', key })));
      }
      await waitFor('no instance left', 15_000, async () => (await liveInstances()).length === 0);
    },
  };
}
