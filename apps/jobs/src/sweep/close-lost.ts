import type { InstanceObservation } from '@aegis/relays';
import { observationOf } from '../boot-watch/relay-boot-watch.js';
import { type JobContext, VISIBILITY_GRACE_MS } from '../job-context.js';
import type { Listing } from './list-deployment.js';
import { sweepCap } from './plan-orphans.js';

export interface LostRelays {
  closed: number;
  /** Relays whose instance EC2 does not show at all, too many to believe it. */
  disbelieved: number;
}

/**
 * Closes relays whose instance EC2 no longer has. What EC2 says it terminated is closed; what it does not know at all
 * is closed only when it is old enough to be shown, and few: a listing of the wrong account knows nothing either.
 */
export async function closeLost(context: JobContext, listing: Listing): Promise<LostRelays> {
  const present = new Set(
    listing.instances.filter((instance) => instance.serves).map((instance) => instance.instanceId),
  );
  const missing: { relayId: string; instanceId: string }[] = [];
  for await (const batch of context.store.relaysWithInstance(context.region.name)) {
    missing.push(...batch.filter(({ instanceId }) => !present.has(instanceId)));
  }
  if (missing.length === 0) return { closed: 0, disbelieved: 0 };

  const shown = await context.cloud.describeByIds(
    context.region.name,
    missing.map(({ instanceId }) => instanceId),
  );
  const byId = new Map(shown.map((instance) => [instance.instanceId, instance]));
  const evident = missing.flatMap(({ relayId, instanceId }) => {
    const instance = byId.get(instanceId);
    return instance ? [observationOf(relayId, instance)] : [];
  });
  const unshown = missing.filter(({ instanceId }) => !byId.has(instanceId));
  const launchTimes = await context.store.launchTimes(
    context.region.name,
    unshown.map(({ relayId }) => relayId),
  );
  const unknown = unshown.filter((_, index) => listing.startedAt - (launchTimes[index] ?? 0) > VISIBILITY_GRACE_MS);
  const believed = unknown.length <= sweepCap(listing.live);
  if (!believed) context.logger.error('EC2 shows none of these instances: not believed', { relays: unknown.length });
  const vanished: InstanceObservation[] = (believed ? unknown : []).map(({ relayId, instanceId }) => ({
    relayId,
    instanceId,
    seen: 'gone',
    address: null,
    note: 'unknown_to_ec2',
  }));
  const moves = await context.store.observe(context.fence, [...evident, ...vanished], context.now());
  context.recordMoves(moves);
  if (moves.some((move) => move.to === 'terminating')) await context.trigger('relay_terminate');
  const closed = moves.filter((move) => move.reason === 'instance_lost').length;
  return { closed, disbelieved: believed ? 0 : unknown.length };
}
