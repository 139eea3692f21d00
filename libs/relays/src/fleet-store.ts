import type { LaunchIntent } from './launch-intent.js';
import type { RelayJob } from './region-keys.js';
import type { RelayReason } from './relay.js';
import type { RelayTransition } from './relay-transition.js';

/** The newest run of a job in a region holds its fence; whatever an older run still tries to store is refused. */
export interface Fence {
  region: string;
  job: RelayJob;
  token: string;
}

/** A run that lost its lock woke up: it must stop, and has changed nothing. */
export class FencedError extends Error {
  readonly code = 'fenced';
  constructor(readonly fence: Fence) {
    super(`a newer run of ${fence.job} in ${fence.region} has taken over`);
  }
}

export interface WaitingRelay {
  id: string;
  tenant: string;
  /** The only type that will do; null: any. */
  instanceType: string | null;
  /** When its time to wait, or its lease, is over (Unix ms). */
  until: number;
}

export interface LaunchWork {
  /** An operator stopped launches, replays among them. */
  frozen: boolean;
  /** Opened by earlier runs and not settled. */
  intents: LaunchIntent[];
  /** As `pending` answers it. */
  waiting: WaitingRelay[];
  /** Instance types noted as exhausted, past their time or not. */
  exhausted: string[];
}

export interface SettleIntent {
  intentId: string;
  now: number;
  awsRequestId: string | null;
  /** Of the instances that were asked for. */
  instanceType: string;
  launched: { relayId: string; instanceId: string; dead: boolean }[];
  /** The intent's relays that got no instance, and what becomes of them. */
  without: { relayIds: string[] } & (
    | { fate: 'requeue'; code: string }
    | { fate: 'fail'; reason: RelayReason; code: string; message: string }
  );
}

/** Pending relays that will get no instance, and why. */
export interface FailPending {
  relayIds: readonly string[];
  now: number;
  reason: RelayReason;
  code: string;
  message: string;
}

/**
 * What EC2 says of a relay's instance. `stopped`: serves nobody but still exists; `ending`: shuts down by itself;
 * `gone`: terminated, or no longer known.
 */
export interface InstanceObservation {
  relayId: string;
  instanceId: string;
  seen: 'pending' | 'running' | 'stopped' | 'ending' | 'gone';
  address: string | null;
  /** Why it ended, by EC2's own code, for the relay's story. */
  note: string;
}

export interface BootingRelay {
  relayId: string;
  instanceId: string;
  intentId: string;
}

export interface TerminatingRelay {
  relayId: string;
  instanceId: string;
  /** Of its launch; null when it is not known. */
  intentId: string | null;
  launchedAt: number;
  /** When it was decided that it must go (Unix ms). */
  terminatingAt: number;
  /** EC2 has accepted a terminate, or ends the instance by itself: only confirm. */
  sent: boolean;
  /** When that was (Unix ms); 0 when we sent none. */
  sentAt: number;
  attempts: number;
}

export interface TerminationRecord {
  relayId: string;
  instanceId: string;
  /** `ending`: EC2 says that the instance ends already, on account of somebody else. */
  outcome: 'sent' | 'ending' | 'gone' | 'refused' | 'wait';
  /** When to look at it again (Unix ms). */
  again: number;
  note: string;
  awsRequestId: string | null;
}

export interface SweepStart {
  /** False: the store may have forgotten things; it is rebuilt and nothing is swept. */
  verified: boolean;
  /** Which Redis the store in doubt is in; null when verified. */
  doubted: string | null;
  /** Since when it has been in doubt (Unix ms); 0 when verified. */
  suspectSince: number;
  /** An operator stopped sweeps from terminating. */
  frozen: boolean;
  /** Orphans marked by earlier sweeps: instance id → first seen (Unix ms). */
  marked: Map<string, number>;
}

/** An instance of the deployment as EC2 listed it. */
export interface ListedInstance {
  instanceId: string;
  /** The relay its launch tags name; null when they name none. */
  relay: { suffix: string; tenant: string } | null;
  intentId: string | null;
  instanceType: string;
  /** False once it shuts down. */
  serves: boolean;
  launchedAt: number;
}

/**
 * `owned`: its relay knows it. `rebuilt`: its relay's record was missing and is back. `attached`: its relay was waiting
 * for it. `open_intent`: its launch is not settled. `ending`: it goes by itself. `orphan`: nobody owns it.
 */
export type InstanceVerdict = 'owned' | 'rebuilt' | 'attached' | 'open_intent' | 'ending' | 'orphan';

export interface SweepResult {
  now: number;
  /**
   * Which Redis was in doubt when the sweep began: if it is still that one, the listing is a complete picture taken after
   * the doubt began, and the store is known to be the present again. Null when there was no doubt.
   */
  doubted: string | null;
  /** After a doubt: until then neither an old lease nor silence is held against a relay (Unix ms). */
  holdLeasesUntil: number;
  holdHeartbeatsUntil: number;
  halted: boolean;
  instances: number;
  orphans: number;
  missing: number;
  marked: ReadonlyMap<string, number>;
}

/** What the jobs do to the relays of a region: the part of the store that apps/jobs uses. Moves are returned once. */
export interface FleetStore {
  /**
   * Takes the fence of a job in a region from whoever held it. Does not wait for the store: what is asked of it next comes
   * after, and fails with the reason if the fence could not be taken.
   */
  beginRun(region: string, job: RelayJob): Promise<Fence>;
  /** What a launch starts from, in one round trip; of the relays that wait, `limit` whose turn is next. */
  launchWork(region: string, limit: number): Promise<LaunchWork>;
  /**
   * Unless `opened`, nothing was stored. `conflict`: one of its relays is no longer pending; `frozen`: an operator
   * stopped launches; `unverified`: the store may have forgotten launches, a sweep must come first. @throws FencedError
   */
  openIntent(fence: Fence, intent: LaunchIntent): Promise<'opened' | 'conflict' | 'frozen' | 'unverified'>;
  /** False once another run has settled it. @throws FencedError */
  isIntentOpen(fence: Fence, intentId: string): Promise<boolean>;
  /** `not_open`: it was settled before. @throws FencedError */
  settleIntent(fence: Fence, result: SettleIntent): Promise<RelayTransition[]>;
  /**
   * Tells everybody that EC2 has none of an instance type until then (Unix ms), or, with null, that it may have some. What
   * the api knows of it is a hint, so an overtaken run may tell it too.
   */
  noteExhausted(region: string, instanceType: string, until: number | null): Promise<void>;
  /** @throws FencedError */
  failPending(fence: Fence, failing: FailPending): Promise<RelayTransition[]>;
  /** Relays whose instance boots. */
  booting(region: string): Promise<BootingRelay[]>;
  /** @throws FencedError */
  observe(fence: Fence, observations: readonly InstanceObservation[], now: number): Promise<RelayTransition[]>;
  /** Relays that must go and whose time for the next attempt has come. */
  terminating(region: string, now: number, limit: number): Promise<TerminatingRelay[]>;
  /** `refused`: the relays whose refusal was noted; one that had ended by then was not refused. @throws FencedError */
  recordTerminations(
    fence: Fence,
    records: readonly TerminationRecord[],
    now: number,
  ): Promise<{ moves: RelayTransition[]; refused: string[] }>;
  /** Sends off up to `limit` due relays; `remaining` are still due. @throws FencedError */
  expireDue(fence: Fence, now: number, limit: number): Promise<{ moves: RelayTransition[]; remaining: number }>;
  /**
   * Asks for missing spares, unless EC2 is known to have none of any type, and gives up surplus ones; `ids` are for new
   * spares, and no more than there are of them are asked for or given up. @throws FencedError
   */
  stockWarmPool(
    fence: Fence,
    pool: {
      now: number;
      target: number;
      maxAgeSeconds: number;
      instanceTypes: readonly string[];
      ids: readonly string[];
    },
  ): Promise<{ asked: number; moves: RelayTransition[] }>;
  /** Claimed relays whose instance does not carry its tenant's name yet. */
  untagged(region: string, limit: number): Promise<{ relayId: string; tenant: string; instanceId: string | null }[]>;
  tagged(region: string, relayIds: readonly string[]): Promise<void>;
  /** False while the store may have forgotten things: nothing is launched until a sweep has compared it with EC2. */
  isVerified(region: string): Promise<boolean>;
  /** @throws FencedError */
  beginSweep(fence: Fence, now: number): Promise<SweepStart>;
  /** One verdict per instance, in order; rebuilds and attaches what the store had forgotten. @throws FencedError */
  claimInstances(
    fence: Fence,
    instances: readonly ListedInstance[],
    lease: { now: number; leaseSeconds: number; maxLifetimeSeconds: number },
  ): Promise<{ verdicts: InstanceVerdict[]; moves: RelayTransition[] }>;
  /** Every relay that has an instance, in batches; relays that come or go meanwhile may or may not be among them. */
  relaysWithInstance(region: string): AsyncIterable<{ relayId: string; instanceId: string }[]>;
  /** Since when each relay's instance is known (Unix ms); 0 when none is. */
  launchTimes(region: string, relayIds: readonly string[]): Promise<number[]>;
  /** Whether an operator has stopped sweeps from terminating meanwhile. @throws FencedError */
  finishSweep(fence: Fence, result: SweepResult): Promise<{ frozen: boolean }>;
  /** Adds a line to the story of relays that still have a record. */
  noteEvent(region: string, relayIds: readonly string[], note: string, now: number): Promise<void>;
  /** Forgets up to `limit` relays that ended before a time; returns how many. @throws FencedError */
  pruneEnded(fence: Fence, endedBefore: number, limit: number): Promise<number>;
}
