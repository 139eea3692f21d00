import { randomInt, randomUUID } from 'node:crypto';
import { buildLaunchRequest, type LaunchRequest, type RelaySlot } from '@aegis/ec2';
import { newIntentId } from '@aegis/relays';
import type { Stores } from './stores.js';

/** Of the local stack. */
const DEPLOYMENT = 'local';

export interface Batch {
  region: string;
  /** Stored and `pending`; no more than one launch takes. */
  relays: readonly RelaySlot[];
  until: 'active' | 'booting';
  now: number;
  /** Brings forth the instances of a launch: their ids, in order. */
  launch(request: LaunchRequest): Promise<readonly string[]>;
}

/**
 * Brings a batch of relays to life by the same steps of the store that api and jobs take. The jobs must be stopped: they
 * would launch the relays themselves.
 */
export async function bootBatch({ front, fleet }: Stores, batch: Batch): Promise<void> {
  const { region, relays, now } = batch;
  const relayIds = relays.map(({ id }) => id);
  const intentId = newIntentId(region, now, randomInt);
  const request = launchOf(intentId, relays);
  const launchFence = await fleet.beginRun(region, 'relay_launch');
  const opened = await fleet.openIntent(launchFence, { id: intentId, relayIds, request, openedAt: now });
  if (opened !== 'opened') throw new Error(`the store did not take a launch: ${opened}`);
  const instanceIds = await batch.launch(request);
  const pairs = relayIds.map((relayId, index) => ({ relayId, instanceId: instanceIds[index] ?? '' }));
  await fleet.settleIntent(launchFence, {
    intentId,
    now,
    awsRequestId: randomUUID(),
    instanceType: request.instanceType,
    launched: pairs.map((pair) => ({ ...pair, dead: false })),
    without: { relayIds: [], fate: 'requeue', code: 'partial_launch' },
  });
  const watchFence = await fleet.beginRun(region, 'relay_boot_watch');
  const seen = pairs.map((pair, index) => ({ ...pair, seen: 'running' as const, address: addressOf(index), note: '' }));
  await fleet.observe(watchFence, seen, now);
  if (batch.until === 'active') {
    await Promise.all(pairs.map(({ instanceId }) => front.checkIn({ region, intentId, instanceId, now })));
  }
}

function launchOf(intentId: string, relays: readonly RelaySlot[]): LaunchRequest {
  return buildLaunchRequest({
    deploymentId: DEPLOYMENT,
    intentId,
    relays,
    offering: { instanceType: 't3.micro', subnetId: 'subnet-0123456789abcdef0', market: { type: 'on_demand' } },
    imageId: 'ami-0abcdef1234567890',
    securityGroupIds: ['sg-0123456789abcdef0'],
    userData: '#cloud-config',
  });
}

function addressOf(index: number): string {
  return `203.0.${113 + (index >> 8)}.${index & 255}`;
}
