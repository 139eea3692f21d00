import * as z from 'zod';

const milliseconds = z.number().int().min(0);

const REGIONS = [
  'us-east-1',
  'us-east-2',
  'us-west-1',
  'us-west-2',
  'ca-central-1',
  'sa-east-1',
  'eu-west-1',
  'eu-west-2',
  'eu-west-3',
  'eu-central-1',
  'eu-north-1',
  'ap-south-1',
  'ap-southeast-1',
  'ap-southeast-2',
  'ap-northeast-1',
  'ap-northeast-2',
  'ap-northeast-3',
];
/** The regions every AWS account has without opting in. */
export const DEFAULT_REGIONS: readonly string[] = REGIONS;

/** How the simulated EC2 behaves; each can be changed while it runs. */
export const settingsSchema = z.strictObject({
  /** From the launch to `running`. */
  bootMs: milliseconds,
  /** Time spent in `shutting-down`. */
  shutdownMs: milliseconds,
  /** From the launch until calls that name the instance or would match it find it. */
  visibilityMs: milliseconds,
  /** From `running` until the public address shows. */
  addressMs: milliseconds,
  /** How long a terminated instance stays listed. */
  terminatedRetentionMs: milliseconds,
  /** Whether the documented token buckets apply. */
  throttle: z.boolean(),
  /**
   * When a repeated client token answers IdempotentInstanceTerminated: once all of its instances are terminated, once
   * any is, or never (EC2 before 2025: the terminated instances come back).
   */
  idempotentTerminated: z.enum(['all', 'any', 'never']),
  /** What TerminateInstances says of an id it does not know; a policy bound to tags makes EC2 say 403. */
  terminateUnknown: z.enum(['not-found', 'unauthorized']),
  /** Whether booted instances run a relay agent at all. */
  agents: z.boolean(),
  /** From `running` to the agent's first check-in. */
  checkInDelayMs: milliseconds,
});
export type Settings = z.infer<typeof settingsSchema>;

export const DEFAULT_SETTINGS: Readonly<Settings> = {
  bootMs: 1000,
  shutdownMs: 200,
  visibilityMs: 0,
  addressMs: 0,
  terminatedRetentionMs: 3_600_000,
  throttle: true,
  idempotentTerminated: 'all',
  terminateUnknown: 'not-found',
  agents: true,
  checkInDelayMs: 0,
};
