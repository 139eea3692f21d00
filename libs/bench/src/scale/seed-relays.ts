import { randomInt, randomUUID } from 'node:crypto';
import { buildLaunchRequest, type LaunchRequest, MAX_BATCH } from '@aegis/ec2';
import type { SimControl } from '@aegis/ec2-sim';
import {
  createRedisFleetStore,
  createRedisRelayStore,
  type FleetStore,
  newIntentId,
  newRelayId,
  type RelayFrontStore,
  type RelayTiming,
} from '@aegis/relays';
import type { Redis } from 'ioredis';

export const REGION = 'us-east-1';
/** Of the local stack. */
export const TENANT = 'local';
export const DEPLOYMENT = 'local';

/** Nothing may end by itself while the benchmark looks. */
const TIMING: RelayTiming = {
  pendingTimeoutMs: 86_400_000,
  bootTimeoutMs: 86_400_000,
  heartbeatTimeoutMs: 86_400_000,
  blindAfterMs: 15_000,
  readiness: 'checkin',
};
const LEASE_SECONDS = 86_400;

export interface Stores {
  front: RelayFrontStore;
  fleet: FleetStore;
}

export function openStores(redis: Redis): Stores {
  return {
    front: createRedisRelayStore({ redis, regions: [REGION], timing: TIMING }),
    fleet: createRedisFleetStore({ redis, timing: TIMING, newToken: randomUUID }),
  };
}

export interface SeedTarget extends Stores {
  sim: SimControl;
}

/**
 * Brings relays to `active`, or leaves them `booting`, by the same steps of the store that api and jobs take, with an
 * instance each in the simulator. The jobs must be stopped: they would launch the relays themselves. Answers the ids.
 */
export async function seedRelays(target: SeedTarget, count: number, until: 'active' | 'booting'): Promise<string[]> {
  const ids: string[] = [];
  while (ids.length < count) ids.push(...(await seedBatch(target, Math.min(MAX_BATCH, count - ids.length), until)));
  return ids;
}

async function seedBatch({ front, fleet, sim }: SeedTarget, count: number, until: 'active' | 'booting') {
  const now = Date.now();
  const relayIds = Array.from({ length: count }, () => newRelayId(REGION, now, randomInt));
  await Promise.all(relayIds.map((id) => front.create(createOf(id, now))));
  const intentId = newIntentId(REGION, now, randomInt);
  const request = launchOf(intentId, relayIds);
  const launchFence = await fleet.beginRun(REGION, 'relay_launch');
  const opened = await fleet.openIntent(launchFence, { id: intentId, relayIds, request, openedAt: now });
  if (opened !== 'opened') throw new Error(`the store did not take a launch: ${opened}`);
  const tags = Object.fromEntries(request.tags.map(({ key, value }) => [key, value]));
  const { launches } = await sim.seed({ region: REGION, launches: [{ count, clientToken: intentId, tags }] });
  const pairs = relayIds.map((relayId, index) => ({ relayId, instanceId: launches[0]?.instanceIds[index] ?? '' }));
  await fleet.settleIntent(launchFence, {
    intentId,
    now,
    awsRequestId: randomUUID(),
    launched: pairs.map((pair) => ({ ...pair, dead: false })),
    without: { relayIds: [], fate: 'requeue', code: 'partial_launch' },
  });
  const watchFence = await fleet.beginRun(REGION, 'relay_boot_watch');
  const seen = pairs.map((pair, index) => ({ ...pair, seen: 'running' as const, address: addressOf(index), note: '' }));
  await fleet.observe(watchFence, seen, now);
  if (until === 'active') {
    await Promise.all(pairs.map(({ instanceId }) => front.checkIn({ region: REGION, intentId, instanceId, now })));
  }
  return relayIds;
}

function createOf(id: string, now: number) {
  const labels = { purpose: 'benchmark' };
  return { id, tenant: TENANT, region: REGION, labels, leaseSeconds: LEASE_SECONDS, maxLifetimeSeconds: 604_800, now };
}

function launchOf(intentId: string, relayIds: readonly string[]): LaunchRequest {
  return buildLaunchRequest({
    deploymentId: DEPLOYMENT,
    intentId,
    relays: relayIds.map((id) => ({ id, tenant: TENANT })),
    offering: { instanceType: 't3.micro', subnetId: 'subnet-0123456789abcdef0', market: { type: 'on_demand' } },
    imageId: 'ami-0abcdef1234567890',
    securityGroupIds: ['sg-0123456789abcdef0'],
    userData: '#cloud-config',
  });
}

function addressOf(index: number): string {
  return `203.0.${113 + (index >> 8)}.${index & 255}`;
}
