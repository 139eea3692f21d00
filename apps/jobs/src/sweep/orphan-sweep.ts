import type { InstanceVerdict, SweepStart } from '@aegis/relays';
import { relayIdOf } from '@aegis/relays';
import type { JobContext } from '../job-context.js';
import { closeLost } from './close-lost.js';
import { type Listing, listDeployment, type SweptInstance } from './list-deployment.js';
import { type Orphan, planOrphans, SPARE_RULES } from './plan-orphans.js';

/**
 * After the store came into doubt, how long to wait before a listing can be trusted to show what was launched just
 * before: the launches themselves may have been forgotten (EC2 Developer Guide, eventual consistency).
 */
const QUIET_MS = 2_000;

/**
 * Compares the region's EC2 with the store, EC2 first and in full. Forgotten relays are rebuilt, lost ones closed, and
 * instances that nobody owns are marked, then terminated by a later sweep. A store in doubt (restarted, failed over,
 * flushed, restored) is rebuilt and verified, and nothing is swept on its word.
 */
export async function orphanSweep(context: JobContext): Promise<void> {
  const { store, fence } = context;
  const start = await store.beginSweep(fence, context.now());
  if (!start.verified) {
    context.logger.warn('the store is in doubt: comparing it with EC2', { since: start.suspectSince });
    await context.sleep(Math.max(0, start.suspectSince + QUIET_MS - context.now()));
  }
  const listing = await listDeployment(context, !start.verified);
  const verdicts = await claim(context, listing);
  const orphans = listing.instances.filter((_, index) => verdicts[index] === 'orphan');
  const plan = planOrphans({
    orphans,
    marked: start.marked,
    instances: listing.live,
    now: context.now(),
    graceMs: context.config.sweep.graceSeconds * 1000,
    verified: start.verified,
    frozen: start.frozen,
    shadow: context.config.sweep.mode === 'shadow',
  });
  const lost = await closeLost(context, listing);
  context.recordMetrics.relaysLost(lost.closed);
  const halted = plan.halted || lost.disbelieved > 0;
  report(context, { start, listing, verdicts, found: plan.found, halted });
  for (const rule of SPARE_RULES) context.recordMetrics.sweepSpared(rule, plan.spared[rule]);
  const { now, relays } = { now: context.now(), relays: context.config.relays };
  const { frozen } = await store.finishSweep(fence, {
    now,
    doubted: start.doubted,
    holdLeasesUntil: now + (2 * relays.heartbeatIntervalSeconds + 2) * 1000,
    holdHeartbeatsUntil: now + relays.heartbeatTimeoutSeconds * 1000,
    halted,
    instances: listing.live,
    orphans: orphans.length,
    missing: lost.closed + lost.disbelieved,
    marked: plan.marked,
  });
  if (!start.verified) {
    // What an old backup lets wait may have waited too long: that comes first.
    await context.trigger('relay_expiry');
    await context.trigger('relay_launch');
    await context.trigger('warm_pool');
  }
  // Listing a large region takes a while, in which an operator may have pulled the brake.
  if (frozen) return;
  await terminateOrphans(context, orphans, plan.terminate);
}

async function claim(context: JobContext, listing: Listing): Promise<InstanceVerdict[]> {
  const { relays } = context.config;
  const { verdicts, moves } = await context.store.claimInstances(context.fence, listing.instances, {
    now: context.now(),
    leaseSeconds: relays.defaultLeaseSeconds,
    maxLifetimeSeconds: relays.maxLifetimeSeconds,
  });
  context.recordMoves(moves);
  if (moves.length > 0) await context.trigger('relay_boot_watch');
  return verdicts;
}

interface SweepFindings {
  start: SweepStart;
  listing: Listing;
  verdicts: readonly InstanceVerdict[];
  found: number;
  halted: boolean;
}

function report(context: JobContext, { start, listing, verdicts, found, halted }: SweepFindings): void {
  const count = (wanted: InstanceVerdict) => verdicts.filter((verdict) => verdict === wanted).length;
  const [rebuilt, attached, openIntent] = [count('rebuilt'), count('attached'), count('open_intent')];
  context.recordMetrics.relaysRebuilt(rebuilt + attached);
  context.recordMetrics.orphansFound(found);
  context.recordMetrics.sweepSpared('open_intent', openIntent);
  if (halted) {
    context.recordMetrics.sweepHalted();
    context.logger.error('sweep halted: it would end more instances than one sweep may', {
      instances: listing.live,
      orphans: count('orphan'),
    });
  }
  if (!start.verified || rebuilt + attached + found > 0) {
    context.logger.info('sweep compared EC2 with the store', {
      instances: listing.live,
      rebuilt,
      attached,
      openIntent,
      orphansFound: found,
      verified: start.verified,
    });
  }
}

async function terminateOrphans(
  context: JobContext,
  orphans: readonly SweptInstance[],
  terminate: readonly Orphan[],
): Promise<void> {
  if (terminate.length === 0) return;
  const byId = new Map(orphans.map((orphan) => [orphan.instanceId, orphan]));
  const { changes, failures } = await context.cloud.terminate(
    context.region.name,
    terminate.map(({ instanceId }) => instanceId),
  );
  const now = context.now();
  for (const { instanceId, previousState } of changes) {
    const orphan = byId.get(instanceId);
    if (!orphan || previousState === 'terminated') continue;
    context.recordMetrics.orphanTerminated((now - orphan.launchedAt) / 1000);
    context.logger.warn('orphan terminated', { instanceId, intentId: orphan.intentId });
  }
  const relayIds = changes.flatMap(({ instanceId }) => {
    const relay = byId.get(instanceId)?.relay;
    return relay ? [relayIdOf(context.region.name, relay.suffix)] : [];
  });
  await context.store.noteEvent(context.region.name, relayIds, 'orphan_terminated', now);
  const [failure] = failures;
  if (failure) throw failure.error;
}
