import type { AwsFailure } from '@aegis/ec2';
import type { RelayReason } from '@aegis/relays';

/** What to do with an intent whose RunInstances call did not answer with instances. */
export type LaunchDecision =
  /** Nothing was launched: the relays wait again. `error` fails the run, so that the next one comes with the next tick. */
  | { action: 'requeue'; code: string; offeringUnavailable: boolean; error: boolean }
  /** Nothing was launched and nothing will be. */
  | { action: 'fail'; reason: RelayReason; code: string; message: string }
  /** Something may have been launched: ask EC2 what carries the intent's tag, then close it as told. */
  | { action: 'reconcile'; others: 'requeue' | 'fail' }
  /** Something may have been launched and EC2 cannot say: the next run repeats the same request. */
  | { action: 'leave_open' }
  /** Nothing was launched yet, but an earlier sender may still be on its way: a later run repeats the same request. */
  | { action: 'wait' };

/**
 * How long after an intent was opened an earlier run of ours may still send its request: longer than the deadline of
 * one call to AWS. A process that was frozen right before it sent wakes up and sends; after this its call is over.
 */
export const SENDER_GRACE_MS = 30_000;

export interface IntentHistory {
  /**
   * Its request may have reached EC2 before (an earlier run, or an earlier attempt of this call that got no answer), so a
   * refusal that EC2 makes before it looks at the client token proves nothing about that earlier attempt.
   */
  maybeSent: boolean;
  /** Since it was opened. */
  ageMs: number;
}

/** Decides by the kind of failure and by what may have happened before. */
export function decideLaunch(failure: AwsFailure, { maybeSent, ageMs }: IntentHistory): LaunchDecision {
  // EC2 looks at the token first, so want of capacity or quota means that it has launched nothing for it so far. Another
  // token may only be tried once nobody can send this one any more: both would launch, for the same relays.
  const refused = failure.kind === 'capacity' || failure.kind === 'quota';
  if (refused && maybeSent && ageMs < SENDER_GRACE_MS) return { action: 'wait' };
  switch (failure.kind) {
    case 'capacity':
      return { action: 'requeue', code: 'no_capacity', offeringUnavailable: true, error: false };
    case 'quota':
      return {
        action: 'fail',
        reason: 'quota_exceeded',
        code: 'quota_exceeded',
        message: `The AWS account's limit does not allow another instance (${failure.code}).`,
      };
    case 'throttled':
    case 'credentials':
    case 'unauthorized':
      if (maybeSent) return { action: 'leave_open' };
      return { action: 'requeue', code: failure.kind, offeringUnavailable: false, error: true };
    case 'rejected':
    case 'not_found':
    case 'not_permitted':
      if (maybeSent) return { action: 'reconcile', others: 'fail' };
      return {
        action: 'fail',
        reason: 'launch_rejected',
        code: 'launch_rejected',
        message: `EC2 refused the launch (${failure.code}).`,
      };
    case 'idempotent_terminated':
      return { action: 'reconcile', others: 'requeue' };
    case 'idempotent_mismatch':
      return { action: 'reconcile', others: 'requeue' };
    case 'server':
    case 'timeout':
    case 'connection':
    case 'unknown':
      return { action: 'leave_open' };
  }
}
