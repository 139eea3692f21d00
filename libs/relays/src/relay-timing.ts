/** The deadlines the store's scripts write. Milliseconds. */
export interface RelayTiming {
  /** How long a relay may wait for an instance. */
  pendingTimeoutMs: number;
  /** From the known instance to `active`. */
  bootTimeoutMs: number;
  /** Silence after which an active relay is lost. */
  heartbeatTimeoutMs: number;
  /** Without a sign of an api for so long, silence of relays is not held against them. */
  blindAfterMs: number;
  /** `checkin`: active once its agent has reported; `running`: once EC2 says so and knows an address. */
  readiness: 'checkin' | 'running';
}

/** The settings a timing is made from, in seconds, as in the configuration's `relays`. */
export interface RelayTimingSettings {
  pendingTimeoutSeconds: number;
  bootTimeoutSeconds: number;
  heartbeatTimeoutSeconds: number;
  readiness: RelayTiming['readiness'];
}

/** Several missed beats of an api: long enough for a restart not to look like an outage of every relay. */
const LONGEST_BLIND_AFTER_MS = 15_000;
/** Longer than the time between two expiry ticks (5 s) on a busy machine. */
const SHORTEST_BLIND_AFTER_MS = 8_000;

/**
 * An outage must count as blindness before it is long enough for a relay's heartbeats to be overdue, or a Redis that
 * hung for a while costs every relay; half the time-out leaves room for one interval between two heartbeats.
 */
function blindAfterMs(heartbeatTimeoutMs: number): number {
  return Math.min(LONGEST_BLIND_AFTER_MS, Math.max(SHORTEST_BLIND_AFTER_MS, heartbeatTimeoutMs / 2));
}

export function relayTiming(settings: RelayTimingSettings): RelayTiming {
  return {
    pendingTimeoutMs: settings.pendingTimeoutSeconds * 1000,
    bootTimeoutMs: settings.bootTimeoutSeconds * 1000,
    heartbeatTimeoutMs: settings.heartbeatTimeoutSeconds * 1000,
    blindAfterMs: blindAfterMs(settings.heartbeatTimeoutSeconds * 1000),
    readiness: settings.readiness,
  };
}
