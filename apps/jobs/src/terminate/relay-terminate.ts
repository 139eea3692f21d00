import type { AwsFailure, CloudError, InstanceChange } from '@aegis/ec2';
import type { TerminatingRelay, TerminationRecord } from '@aegis/relays';
import { observationOf } from '../boot-watch/relay-boot-watch.js';
import { type JobContext, VISIBILITY_GRACE_MS } from '../job-context.js';
import { CONFIRM_MS, RESEND_AFTER_MS, retryDelay } from './terminate-schedule.js';

/** EC2's resource bucket holds 1000 terminations. */
const BATCH = 1000;

/**
 * Ends the instance of every relay that must go, in one call for all of them, and closes those that EC2 confirms gone.
 * What is refused comes again later, ever more slowly; it is never given up.
 */
export async function relayTerminate(context: JobContext): Promise<void> {
  const due = await gather(context);
  // First of all what still bills: an EC2 that shows nothing may well terminate.
  const refused = await send(
    context,
    due.filter((relay) => !relay.sent),
  );
  const silent = await confirm(
    context,
    due.filter((relay) => relay.sent),
  );
  const trouble = refused ?? (await send(context, silent));
  if (trouble) throw trouble;
  if (due.length === BATCH) await context.trigger('relay_terminate');
}

async function send(context: JobContext, relays: readonly TerminatingRelay[]): Promise<CloudError | null> {
  if (relays.length > 0) context.terminatePacer.called();
  return terminate(context, relays);
}

/** All that is due; when some of it is new and calls follow each other closely, with what joins it in a moment. */
async function gather(context: JobContext): Promise<TerminatingRelay[]> {
  const read = () => context.store.terminating(context.region.name, context.now(), BATCH);
  const due = await read();
  const wait = due.some((relay) => !relay.sent) ? context.terminatePacer.delay() : 0;
  if (wait === 0) return due;
  await context.sleep(wait);
  return read();
}

/** Closes what is gone, waits on for what shuts down, and answers what EC2 seems never to have taken. */
async function confirm(context: JobContext, relays: readonly TerminatingRelay[]): Promise<TerminatingRelay[]> {
  if (relays.length === 0) return [];
  const found = await look(context, relays);
  const resend: TerminatingRelay[] = [];
  const later: TerminationRecord[] = [];
  for (const relay of relays) {
    const state = found.get(relay.instanceId);
    const alive = state === 'pending' || state === 'running' || state === 'stopped';
    if (alive && context.now() - relay.sentAt > RESEND_AFTER_MS) resend.push(relay);
    else if (alive || (state === undefined && !isLongGone(context, relay))) later.push(again(context, relay));
  }
  await record(context, later);
  return resend;
}

/**
 * Sends one TerminateInstances for all; splits the batch only when EC2 refuses it as a whole. Answers the first trouble
 * that calls for an operator or for patience, after everything that could be done was done.
 */
async function terminate(context: JobContext, relays: readonly TerminatingRelay[]): Promise<CloudError | null> {
  if (relays.length === 0) return null;
  const byInstance = new Map(relays.map((relay) => [relay.instanceId, relay]));
  const ofIds = (ids: readonly string[]) => ids.flatMap((id) => byInstance.get(id) ?? []);
  const result = await context.cloud.terminate(context.region.name, [...byInstance.keys()]);
  const accepted = result.changes.flatMap((change) =>
    ofIds([change.instanceId]).map((relay) => afterAnswer(context, relay, change)),
  );
  const missing = ofIds(result.missing).map((relay) =>
    isLongGone(context, relay) ? closing(relay, 'unknown_to_ec2') : again(context, relay),
  );
  await record(context, [...accepted, ...missing]);
  let trouble: CloudError | null = null;
  for (const { instanceIds, error } of result.failures) {
    const left = await afterRefusal(context, ofIds(instanceIds), error);
    trouble ??= left;
  }
  return trouble;
}

/** EC2 answers alike whether the terminate ended the instance or met one that was ending; the state before tells. */
function afterAnswer(
  context: JobContext,
  relay: TerminatingRelay,
  { previousState: before, requestId }: InstanceChange,
): TerminationRecord {
  if (before === 'terminated') return { ...closing(relay, 'already_terminated'), awsRequestId: requestId };
  const again = context.now() + CONFIRM_MS;
  return {
    ...base(relay),
    outcome: before === 'shutting-down' ? 'ending' : 'sent',
    again,
    note: '',
    awsRequestId: requestId,
  };
}

const REFUSALS: ReadonlySet<string> = new Set(['not_found', 'not_permitted', 'unauthorized', 'rejected']);

/** What remains of a refusal after everything possible was done about it: the error, or nothing. */
async function afterRefusal(
  context: JobContext,
  relays: readonly TerminatingRelay[],
  error: CloudError,
): Promise<CloudError | null> {
  const { code, kind, requestId } = error.failure;
  context.logger.warn('terminate refused', { relays: relays.length, awsCode: code, awsRequestId: requestId });
  if (!REFUSALS.has(kind)) {
    await refuse(context, relays, error.failure);
    return error;
  }
  // One instance spoils the whole call. Look first: a policy scoped by tag cannot match what no longer exists.
  const remaining = await dropGone(context, relays);
  if (remaining.length === 0) return null;
  if (remaining.length === 1) {
    await refuse(context, remaining, error.failure);
    return error;
  }
  const half = Math.ceil(remaining.length / 2);
  const first = await terminate(context, remaining.slice(0, half));
  return (await terminate(context, remaining.slice(half))) ?? first;
}

async function dropGone(context: JobContext, relays: readonly TerminatingRelay[]): Promise<TerminatingRelay[]> {
  const found = await look(context, relays);
  return relays.filter((relay) => {
    const state = found.get(relay.instanceId);
    return state !== 'gone' && !(state === undefined && isLongGone(context, relay));
  });
}

/** Asks EC2 for the instances and closes the relays of those that are gone. */
async function look(context: JobContext, relays: readonly TerminatingRelay[]) {
  const { cloud, region, config } = context;
  const instances = await cloud.describeLaunched(region.name, config.deploymentId, relays);
  const byId = new Map(instances.map((instance) => [instance.instanceId, instance]));
  const observations = relays.flatMap((relay) => {
    const instance = byId.get(relay.instanceId);
    return instance ? [observationOf(relay.relayId, instance)] : [];
  });
  context.recordMoves(await context.store.observe(context.fence, observations, context.now()));
  const vanished = relays.filter((relay) => !byId.has(relay.instanceId) && isLongGone(context, relay));
  await record(
    context,
    vanished.map((relay) => closing(relay, 'unknown_to_ec2')),
  );
  return new Map(observations.map((seen) => [seen.instanceId, seen.seen]));
}

/** EC2 has had ample time to show it: what it does not know now is gone. */
function isLongGone(context: JobContext, relay: TerminatingRelay): boolean {
  return context.now() - relay.launchedAt > VISIBILITY_GRACE_MS;
}

async function refuse(context: JobContext, relays: readonly TerminatingRelay[], failure: AwsFailure): Promise<void> {
  const noted = await record(
    context,
    relays.map((relay) => refusal(context, relay, failure)),
  );
  // One that another job has found to be gone in the meantime is counted there.
  for (const { relayId, terminatingAt } of relays) {
    if (noted.has(relayId)) context.recordMetrics.deprovisionRefused(context.now() - terminatingAt);
  }
}

/** Answers the relays whose refusal the store has noted. */
async function record(context: JobContext, records: readonly TerminationRecord[]): Promise<ReadonlySet<string>> {
  if (records.length === 0) return new Set();
  const { moves, refused } = await context.store.recordTerminations(context.fence, records, context.now());
  context.recordMoves(moves);
  return new Set(refused);
}

function base(relay: TerminatingRelay) {
  return { relayId: relay.relayId, instanceId: relay.instanceId, awsRequestId: null };
}

function closing(relay: TerminatingRelay, note: string): TerminationRecord {
  return { ...base(relay), outcome: 'gone', again: 0, note };
}

function again(context: JobContext, relay: TerminatingRelay): TerminationRecord {
  return { ...base(relay), outcome: 'wait', again: context.now() + CONFIRM_MS, note: '' };
}

function refusal(context: JobContext, relay: TerminatingRelay, { code, requestId }: AwsFailure): TerminationRecord {
  const again = context.now() + retryDelay(relay.attempts);
  return { ...base(relay), outcome: 'refused', again, note: code, awsRequestId: requestId };
}
