import type { AegisConfig, RegionConfig } from '@aegis/config';
import type { CloudProvider, Offering } from '@aegis/ec2';
import type { Logger } from '@aegis/logging';
import type { JobName } from '@aegis/queues';
import type { Fence, FleetStore, RelayTransition } from '@aegis/relays';
import type { CallPacer } from './call-pacer.js';
import type { OfferingHealth } from './launch/offering-health.js';
import type { SpareRule } from './sweep/plan-orphans.js';

/** What a run of any job works with: one region, one fence. */
export interface JobContext {
  readonly region: RegionConfig;
  readonly fence: Fence;
  readonly config: AegisConfig;
  /** Of every launch of the region; see `buildUserData`. */
  readonly userData: string;
  readonly store: FleetStore;
  readonly cloud: CloudProvider;
  readonly offerings: OfferingHealth;
  readonly launchPacer: CallPacer;
  readonly terminatePacer: CallPacer;
  readonly bootWatchPacer: CallPacer;
  readonly poolPacer: CallPacer;
  readonly logger: Logger;
  /** Unix ms. */
  readonly now: () => number;
  readonly newIntentId: () => string;
  readonly newRelayId: () => string;
  readonly sleep: (ms: number) => Promise<void>;
  /** Counts moves the store reported. */
  readonly recordMoves: (moves: readonly RelayTransition[]) => void;
  readonly recordMetrics: JobMetrics;
  readonly trigger: (job: JobName) => Promise<void>;
}

/** What jobs count besides moves, operations and runs, which are counted around them. */
export interface JobMetrics {
  deprovisionRefused(latencyMs: number): void;
  capacityAttempt(offering: Offering, outcome: CapacityOutcome): void;
  orphansFound(count: number): void;
  orphanTerminated(livedSeconds: number): void;
  sweepSpared(rule: SpareRule | 'open_intent', count: number): void;
  sweepHalted(): void;
  relaysRebuilt(count: number): void;
  relaysLost(count: number): void;
}

export type CapacityOutcome = 'launched' | 'partial' | 'no_capacity' | 'quota_exceeded' | 'rejected';

/** One run: level-triggered, safe to run twice or at the same time as another. */
export type Job = (context: JobContext) => Promise<void>;

/**
 * How long EC2 may take to show what was just launched, for decisions that cannot be taken back: until then an id or a
 * tag that finds nothing proves nothing (EC2 Developer Guide, eventual consistency: usually seconds).
 */
export const VISIBILITY_GRACE_MS = 60_000;
