/** States of a relay, in the order a healthy one passes through them; `terminated` and `failed` are terminal. */
export const RELAY_STATES = [
  'pending',
  'launching',
  'booting',
  'active',
  'terminating',
  'terminated',
  'failed',
] as const;
export type RelayState = (typeof RELAY_STATES)[number];

/** Why a relay must go, or went. */
export const RELAY_REASONS = [
  'requested',
  'lease_expired',
  'max_lifetime',
  'heartbeat_lost',
  'boot_timeout',
  'instance_lost',
  'launch_rejected',
  'no_capacity',
  'quota_exceeded',
] as const;
export type RelayReason = (typeof RELAY_REASONS)[number];

export function isTerminal(state: RelayState): state is 'terminated' | 'failed' {
  return state === 'terminated' || state === 'failed';
}

/** What went wrong, for a client: a stable code (snake_case) and one sentence without internals. */
export interface RelayFailure {
  code: string;
  message: string;
}

/** One relay as the store holds it. All times are Unix milliseconds. */
export interface Relay {
  /** `rly_<region code>_<16 characters>`; see `relay-id.ts`. */
  id: string;
  tenant: string;
  region: string;
  state: RelayState;
  labels: Record<string, string>;
  /** Of its EC2 instance; before there is one, the type that was asked for. Null: any of the region's would do. */
  instanceType: string | null;
  instanceId: string | null;
  /** Public IPv4 address, once EC2 has told it. */
  address: string | null;
  createdAt: number;
  leaseSeconds: number;
  leaseExpiresAt: number;
  /** When it first became `active`; null when it never was. */
  activeAt: number | null;
  /** When it reached a terminal state. */
  endedAt: number | null;
  reason: RelayReason | null;
  failure: RelayFailure | null;
  /** The launch intent that asked EC2 for its instance. */
  intentId: string | null;
  /** Grows with each stored change; the base of an ETag. */
  version: number;
}
