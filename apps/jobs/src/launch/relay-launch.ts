import { buildLaunchRequest, fitBatch, MAX_BATCH, type Offering } from '@aegis/ec2';
import type { LaunchWork, WaitingRelay } from '@aegis/relays';
import type { JobContext } from '../job-context.js';
import { chooseBatch } from './choose-batch.js';
import { type Ec2LaunchIntent, runIntent } from './launch-intent-run.js';

/** Bounds one run; whatever is left is taken by the next. */
const MAX_ROUNDS = 50;
/** Relays looked at for each that may be launched now: they may ask for different instance types. */
const LOOKAHEAD = 4;
const LEAST_LOOKED_AT = 50;

/**
 * Gives every pending relay of the region an instance: first finishes the intents that a crash or an unanswered call
 * left open, then launches the rest in as few calls as EC2 takes. Requests that arrive meanwhile are taken by the next
 * round, as a database groups commits.
 */
export async function relayLaunch(context: JobContext): Promise<void> {
  const readAt = context.now();
  const { frozen, intents, waiting, exhausted } = await readWork(context);
  if (frozen) return;
  const noted = new Set(exhausted);
  // When EC2 cannot answer for an open intent the run ends here: no further launches pile up on top of it.
  for (const intent of intents as Ec2LaunchIntent[]) {
    await runIntent(context, intent, { replayed: true, knownAt: readAt });
    await noteCapacity(context, intent, noted);
  }
  for (let round = 0; round < MAX_ROUNDS; round++) {
    // Replays may have given relays back to the queue.
    const known = round === 0 && intents.length === 0 ? waiting : await stillWaiting(context);
    const intent = await openNextIntent(context, known);
    if (intent === 'none' || intent === 'frozen') return;
    if (intent === 'unverified') {
      // The sweep triggers this job again when it has compared the store with EC2.
      await context.trigger('orphan_sweep');
      return;
    }
    if (intent === 'conflict') continue;
    await runIntent(context, intent, { replayed: false, knownAt: intent.openedAt });
    await noteCapacity(context, intent, noted);
  }
  await context.trigger('relay_launch');
}

type NoIntent = 'none' | 'conflict' | 'frozen' | 'unverified';

async function stillWaiting(context: JobContext): Promise<WaitingRelay[]> {
  return (await readWork(context)).waiting;
}

/** Of thousands that wait, while EC2 lets two a second through, only those whose turn may come are read. */
async function readWork(context: JobContext): Promise<LaunchWork> {
  const { cloud, store, region } = context;
  const read = (limit: number) => store.launchWork(region.name, limit);
  const { instances } = cloud.launchAllowance(region.name);
  const most = Math.min(MAX_BATCH, Math.max(LEAST_LOOKED_AT, LOOKAHEAD * instances));
  const work = await read(most);
  const waiting = inTime(context, work.waiting);
  if (waiting.length > 0 || work.waiting.length < most) return { ...work, waiting };
  // All whose turn it is are about to be sent off, and must not stand in the way of those behind them until they are.
  const more = await read(MAX_BATCH);
  return { ...more, waiting: inTime(context, more.waiting) };
}

/** Without those that have waited too long, whom expiry is about to send off: an old backup may hold many. */
function inTime(context: JobContext, waiting: readonly WaitingRelay[]): WaitingRelay[] {
  return waiting.filter(({ until }) => until > context.now());
}

async function openNextIntent(context: JobContext, known: WaitingRelay[]): Promise<Ec2LaunchIntent | NoIntent> {
  if (known.length === 0) return 'none';
  const delay = context.launchPacer.delay();
  if (delay > 0) await context.sleep(delay);
  const waiting = delay > 0 ? await stillWaiting(context) : known;
  const chosen = chooseBatch(waiting, (instanceType) => context.offerings.best(instanceType));
  if (chosen === null) return 'none';
  const { choice, relays } = chosen;
  if (choice === null) {
    await failForCapacity(context, relays);
    return 'conflict';
  }
  const batch = relays.slice(0, batchSize(context, relays.length, choice.probe));
  const intent = planIntent(context, batch.slice(0, fitBatch(batch)), choice.offering);
  const outcome = await context.store.openIntent(context.fence, intent);
  return outcome === 'opened' ? intent : outcome;
}

/** One for a probe; else no more than EC2's resource bucket holds, so that nothing is refused that only has to wait. */
function batchSize(context: JobContext, waiting: number, probe: boolean): number {
  if (probe) return 1;
  return Math.max(1, Math.min(waiting, context.cloud.launchAllowance(context.region.name).instances));
}

function planIntent(
  context: JobContext,
  relays: readonly { id: string; tenant: string }[],
  offering: Offering,
): Ec2LaunchIntent {
  const { region, config, userData } = context;
  const id = context.newIntentId();
  return {
    id,
    relayIds: relays.map((relay) => relay.id),
    openedAt: context.now(),
    request: buildLaunchRequest({
      deploymentId: config.deploymentId,
      intentId: id,
      relays,
      offering,
      imageId: region.imageId,
      securityGroupIds: region.securityGroupIds,
      instanceProfile: region.instanceProfile ?? null,
      userData,
    }),
  };
}

/** All they could use was refused within the last minutes: say so now rather than let the client wait for a time-out. */
async function failForCapacity(context: JobContext, relays: readonly WaitingRelay[]): Promise<void> {
  for (const instanceType of new Set(relays.map((relay) => relay.instanceType))) {
    const moves = await context.store.failPending(context.fence, {
      relayIds: relays.filter((relay) => relay.instanceType === instanceType).map(({ id }) => id),
      now: context.now(),
      reason: 'no_capacity',
      code: 'no_capacity',
      message: `EC2 has no capacity for ${instanceType ?? 'any configured instance type'} in any configured subnet of ${context.region.name} at the moment.`,
    });
    context.recordMoves(moves);
    context.logger.warn('no capacity in any offering', { relays: moves.length, instanceType });
  }
}

/** Tells the api which types EC2 has none of, so that `auto` goes elsewhere. `noted`: what the store says of it. */
async function noteCapacity(context: JobContext, intent: Ec2LaunchIntent, noted: Set<string>): Promise<void> {
  const { instanceType } = intent.request;
  const until = context.offerings.exhaustedUntil(instanceType);
  if (until === null && !noted.has(instanceType)) return;
  await context.store.noteExhausted(context.region.name, instanceType, until);
  if (until === null) noted.delete(instanceType);
  else noted.add(instanceType);
}
