import { CloudError, type InstanceView, type LaunchRequest } from '@aegis/ec2';
import type { LaunchIntent, SettleIntent } from '@aegis/relays';
import { type JobContext, VISIBILITY_GRACE_MS } from '../job-context.js';
import { decideLaunch, type LaunchDecision } from './decide-launch.js';
import { withLaunchToken } from './launch-token.js';

export type Ec2LaunchIntent = LaunchIntent<LaunchRequest>;

type Without =
  | { fate: 'requeue'; code: string }
  | Extract<SettleIntent['without'], { fate: 'fail' }>
  | { fate: 'fail'; reason: 'launch_rejected'; code: string; message: string };

/**
 * Sends an intent's stored request and records what became of it. `replayed`: an earlier run opened it and may have
 * sent it already. Throws when EC2 is in trouble; the intent then tells the next run all it needs.
 */
export async function runIntent(
  context: JobContext,
  intent: Ec2LaunchIntent,
  { replayed, knownAt }: { replayed: boolean; knownAt: number },
): Promise<void> {
  if (context.now() - intent.openedAt > TOKEN_TRUST_MS) return closeOld(context, intent);
  if (!(await isStillOpen(context, intent, knownAt))) return;
  context.launchPacer.called();
  try {
    const request = withLaunchToken(intent.request, context.config.secret, intent.id);
    const launched = await context.cloud.launch(context.region.name, request);
    const partial = launched.instances.length < intent.relayIds.length;
    if (partial) context.offerings.markUnavailable(intent.request);
    else context.offerings.markAvailable(intent.request);
    context.recordMetrics.capacityAttempt(intent.request, partial ? 'partial' : 'launched');
    await settle(context, intent, launched.instances, { fate: 'requeue', code: 'partial_launch' }, launched.requestId);
  } catch (error) {
    if (!(error instanceof CloudError)) throw error;
    const decision = decideLaunch(error.failure, {
      maybeSent: replayed || error.failure.outcome === 'unknown',
      ageMs: context.now() - intent.openedAt,
    });
    context.logger.warn('launch not answered with instances', {
      intentId: intent.id,
      relays: intent.relayIds.length,
      awsCode: error.failure.code,
      awsRequestId: error.failure.requestId,
      decision: decision.action,
    });
    await carryOut(context, intent, decision, error);
  }
}

/** How long what a run knows of an intent may be acted upon. */
const FRESH_MS = 2_000;
/** EC2 keeps a token for at least a day; sent later, the same request may launch anew (EC2 Developer Guide, idempotency). */
const TOKEN_TRUST_MS = 24 * 3_600_000;

/**
 * A run that was frozen between reading its intent and sending it may wake up when others have settled it and given its
 * relays to another launch: it must look again before it sends anything.
 */
async function isStillOpen(context: JobContext, intent: Ec2LaunchIntent, knownAt: number): Promise<boolean> {
  let lookedAt = knownAt;
  while (context.now() - lookedAt > FRESH_MS) {
    lookedAt = context.now();
    if (!(await context.store.isIntentOpen(context.fence, intent.id))) return false;
  }
  return true;
}

/** Out of an old backup: what was launched then tells its own tags, and nothing is sent any more. */
async function closeOld(context: JobContext, intent: Ec2LaunchIntent): Promise<void> {
  const { name } = context.region;
  const found = await context.cloud.describeByIntents(name, context.config.deploymentId, [intent.id]);
  const code = 'launch_timeout';
  const message = 'No instance could be launched in time.';
  await settle(context, intent, found, { fate: 'fail', reason: 'launch_rejected', code, message }, null);
}

async function carryOut(
  context: JobContext,
  intent: Ec2LaunchIntent,
  decision: LaunchDecision,
  error: CloudError,
): Promise<void> {
  const { requestId } = error.failure;
  switch (decision.action) {
    case 'requeue':
      if (decision.offeringUnavailable) {
        context.offerings.markUnavailable(intent.request);
        context.recordMetrics.capacityAttempt(intent.request, 'no_capacity');
      }
      await settle(context, intent, [], { fate: 'requeue', code: decision.code }, requestId);
      if (decision.error) throw error;
      return;
    case 'fail': {
      context.recordMetrics.capacityAttempt(
        intent.request,
        decision.reason === 'quota_exceeded' ? 'quota_exceeded' : 'rejected',
      );
      const { reason, code, message } = decision;
      await settle(context, intent, [], { fate: 'fail', reason, code, message } as Without, requestId);
      return;
    }
    case 'reconcile':
      await reconcile(context, intent, decision.others, error);
      return;
    case 'wait':
      return;
    case 'leave_open':
      throw error;
  }
}

/** Lets the tags on EC2's side say which relays of an intent got an instance. */
async function reconcile(
  context: JobContext,
  intent: Ec2LaunchIntent,
  others: 'requeue' | 'fail',
  error: CloudError,
): Promise<void> {
  const found = await context.cloud.describeByIntents(context.region.name, context.config.deploymentId, [intent.id]);
  // Until EC2 shows everything, what is missing proves nothing: the intent stays open and a later run asks again.
  if (found.length < intent.relayIds.length && context.now() - intent.openedAt < VISIBILITY_GRACE_MS) return;
  const without: Without =
    others === 'requeue'
      ? { fate: 'requeue', code: error.failure.kind }
      : {
          fate: 'fail',
          reason: 'launch_rejected',
          code: 'launch_rejected',
          message: `EC2 refused the launch (${error.failure.code}).`,
        };
  await settle(context, intent, found, without, error.failure.requestId);
}

async function settle(
  context: JobContext,
  intent: Ec2LaunchIntent,
  instances: readonly InstanceView[],
  without: Without,
  awsRequestId: string | null,
): Promise<void> {
  const launched = instances.flatMap((instance) => {
    const relayId = intent.relayIds[instance.launchIndex];
    return relayId ? [{ relayId, instanceId: instance.instanceId, dead: instance.state === 'terminated' }] : [];
  });
  const served = new Set(launched.map(({ relayId }) => relayId));
  const relayIds = intent.relayIds.filter((id) => !served.has(id));
  const moves = await context.store.settleIntent(context.fence, {
    intentId: intent.id,
    now: context.now(),
    awsRequestId,
    instanceType: intent.request.instanceType,
    launched,
    without: { ...without, relayIds },
  });
  context.recordMoves(moves);
  // A relay deleted meanwhile has its instance now, and the instance must go.
  const bootingOrBack = new Set(moves.filter((move) => move.to !== 'terminating').map((move) => move.relayId));
  if (launched.some(({ relayId }) => !bootingOrBack.has(relayId))) await context.trigger('relay_terminate');
}
