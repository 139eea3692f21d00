import { AWS_FAILURE_KINDS, type AwsFailure, type AwsFailureKind } from '@aegis/ec2';
import { describe, expect, test } from '@jest/globals';
import { decideLaunch, SENDER_GRACE_MS } from './decide-launch.js';

function failure(kind: AwsFailureKind): AwsFailure {
  return { kind, code: 'Code', message: 'text', instanceIds: [], requestId: 'r', outcome: 'nothing_happened' };
}
const FRESH = { maybeSent: false, ageMs: 0 };
const actions = (history: { maybeSent: boolean; ageMs: number }) =>
  Object.fromEntries(AWS_FAILURE_KINDS.map((kind) => [kind, decideLaunch(failure(kind), history).action]));

describe('what becomes of an intent that got no instances', () => {
  test('on its first and only attempt', () => {
    expect(actions(FRESH)).toEqual({
      throttled: 'requeue',
      capacity: 'requeue',
      quota: 'fail',
      server: 'leave_open',
      timeout: 'leave_open',
      connection: 'leave_open',
      credentials: 'requeue',
      unauthorized: 'requeue',
      not_found: 'fail',
      not_permitted: 'fail',
      idempotent_mismatch: 'reconcile',
      idempotent_terminated: 'reconcile',
      rejected: 'fail',
      unknown: 'leave_open',
    });
  });

  test('when an earlier attempt may have had its effect, nothing is closed on a refusal that proves nothing', () => {
    expect(actions({ maybeSent: true, ageMs: SENDER_GRACE_MS })).toEqual({
      ...actions(FRESH),
      throttled: 'leave_open',
      credentials: 'leave_open',
      unauthorized: 'leave_open',
      not_found: 'reconcile',
      not_permitted: 'reconcile',
      rejected: 'reconcile',
    });
  });

  test('no other token is tried while somebody may still send this one', () => {
    expect(actions({ maybeSent: true, ageMs: SENDER_GRACE_MS - 1 })).toMatchObject({ capacity: 'wait', quota: 'wait' });
  });

  test('only want of capacity passes over the offering, and only trouble on the way to EC2 fails the run', () => {
    expect(decideLaunch(failure('capacity'), FRESH)).toMatchObject({ offeringUnavailable: true, error: false });
    expect(decideLaunch(failure('throttled'), FRESH)).toMatchObject({ offeringUnavailable: false, error: true });
  });
});
