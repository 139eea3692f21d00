/** What kind of trouble AWS reported; the closed set every decision and label is made from. */
export const AWS_FAILURE_KINDS = [
  /** A request rate limit; the call had no effect. */
  'throttled',
  /** No machine of that type, in that zone, at that price, right now: another offering may do. */
  'capacity',
  /** An account limit: no other offering of the same kind will do until an operator raises it. */
  'quota',
  /** EC2 failed inside (5xx). */
  'server',
  /** No answer in time, or the caller gave up waiting. */
  'timeout',
  /** The network between here and EC2. */
  'connection',
  /** AWS does not know, or no longer accepts, who we are. */
  'credentials',
  /** AWS knows who we are and the IAM policy says no; on a terminate the instance may simply be long gone. */
  'unauthorized',
  /** The instance named does not exist, or is not visible yet. */
  'not_found',
  /** The instance's own setting forbids it (termination protection). */
  'not_permitted',
  /** The client token was used before with other parameters. */
  'idempotent_mismatch',
  /** The client token was used before, and what it launched has been terminated. */
  'idempotent_terminated',
  /** A request that will never be accepted as it is. */
  'rejected',
  /** Nothing this library knows. */
  'unknown',
] as const;
export type AwsFailureKind = (typeof AWS_FAILURE_KINDS)[number];

/** A vendor error translated: no AWS error code is interpreted anywhere but where this is made. */
export interface AwsFailure {
  kind: AwsFailureKind;
  /** AWS's or Node's own code, for logs and operators; never branch on it. */
  code: string;
  message: string;
  /** Instance ids the message names. */
  instanceIds: string[];
  requestId: string | null;
  /** Whether a mutating call can have had its effect all the same. */
  outcome: 'nothing_happened' | 'unknown';
}
