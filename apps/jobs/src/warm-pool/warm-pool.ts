import { warmPoolTarget } from '@aegis/config';
import { type CloudError, TAG_KEYS } from '@aegis/ec2';
import type { JobContext } from '../job-context.js';

const TAG_BATCH = 500;
/** Spares asked for, or given up, in one call of Redis, which answers nobody else meanwhile. */
const STOCK_BATCH = 100;
/** Bounds one run; what is left comes with the next tick. */
const MAX_ROUNDS = 100;

/**
 * Keeps the region's spares at their target, and writes the tenant of each spare that was handed out onto its instance,
 * so that a lost store still knows whose it is.
 */
export async function warmPool(context: JobContext): Promise<void> {
  // Every claim asks for a run: in a rush of them, each run takes what was claimed in a moment, not one spare.
  const wait = context.poolPacer.delay();
  if (wait > 0) await context.sleep(wait);
  context.poolPacer.called();
  try {
    await tagClaimed(context);
  } finally {
    // An EC2 that takes no tags may still launch.
    await stock(context);
  }
}

async function stock(context: JobContext): Promise<void> {
  const target = warmPoolTarget(context.region.warmPool, context.now());
  let launch = false;
  let terminate = false;
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const { asked, moves } = await stockSome(context, target);
    launch ||= asked > 0;
    terminate ||= moves.some((move) => move.to === 'terminating');
    if (moves.length < STOCK_BATCH) break;
  }
  if (launch) await context.trigger('relay_launch');
  if (terminate) await context.trigger('relay_terminate');
}

async function stockSome(context: JobContext, target: number) {
  const { warmPool, instanceTypes } = context.region;
  const ids = Array.from({ length: STOCK_BATCH }, () => context.newRelayId());
  const pool = { now: context.now(), target, maxAgeSeconds: warmPool.maxAgeSeconds, instanceTypes, ids };
  const stocked = await context.store.stockWarmPool(context.fence, pool);
  context.recordMoves(stocked.moves);
  return stocked;
}

async function tagClaimed(context: JobContext): Promise<void> {
  const { name } = context.region;
  const claimed = await context.store.untagged(name, TAG_BATCH);
  const byTenant = new Map<string, typeof claimed>();
  for (const relay of claimed) byTenant.set(relay.tenant, [...(byTenant.get(relay.tenant) ?? []), relay]);
  let refused: CloudError | null = null;
  for (const [tenant, relays] of byTenant) {
    const ids = relays.flatMap(({ instanceId }) => instanceId ?? []);
    const { failures } =
      ids.length > 0 ? await context.cloud.setTags(name, ids, { [TAG_KEYS.tenant]: tenant }) : { failures: [] };
    refused ??= failures[0]?.error ?? null;
    if (failures.length > 0) continue;
    // What EC2 does not know any more needs no tag.
    await context.store.tagged(
      name,
      relays.map(({ relayId }) => relayId),
    );
  }
  if (refused) throw refused;
}
