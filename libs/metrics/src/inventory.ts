import { RELAY_STATES } from '@aegis/relays';
import type { Families } from './families.js';
import { FREEZE_SWITCHES, type FreezeSwitch, OTHER, type QueueState } from './label-values.js';

/** What one region's sweep left in the store, so that every replica reports the same. */
export interface SweepSnapshot {
  /** Unix milliseconds of the last sweep that saw every page; null when none has. */
  readonly lastCompleteAt: number | null;
  /** The last sweep stopped at its cap. */
  readonly halted: boolean;
  /** Live instances with the deployment tag, as EC2 listed them. */
  readonly instances: number;
  /** Instances no live relay owns. */
  readonly orphans: number;
  /** Live relays whose instance EC2 did not list. */
  readonly missing: number;
}

/** One region as the store's own counters tell it. An absent optional part leaves its gauges as they are. */
export interface RegionInventorySnapshot {
  readonly region: string;
  readonly counts: Readonly<Record<string, number>>;
  /** Unix milliseconds. */
  readonly oldestPendingAt: number | null;
  /** Unix milliseconds since when the longest terminating relay has been terminating. */
  readonly oldestTerminatingAt?: number | null;
  readonly openIntents: number;
  readonly queue?: {
    readonly jobs: Readonly<Partial<Record<QueueState, number>>>;
    /** Unix milliseconds since when the oldest waiting job waits. */
    readonly oldestWaitingAt: number | null;
  };
  readonly sweep?: SweepSnapshot;
  readonly freeze?: Readonly<Record<FreezeSwitch, boolean>>;
  readonly warmPool?: { readonly ready: number; readonly target: number };
}

export type InventorySource = () => Promise<readonly RegionInventorySnapshot[]>;

export interface InventoryCollectorOptions {
  readonly families: Families;
  readonly source: InventorySource;
  readonly clock: () => number;
  /** How long a scrape waits for the source. */
  readonly timeoutMs: number;
}

/**
 * Reads the inventory for a scrape and resolves within the time limit whatever the source does; it never rejects.
 * Scrapes at the same time share one read, and a read that hangs is shared by later scrapes until it is given up, so a
 * store that is away never gathers a queue of reads.
 */
export function createInventoryCollector(options: InventoryCollectorOptions): () => Promise<void> {
  const { families, source, clock, timeoutMs } = options;
  let current: { readonly startedAt: number; readonly done: Promise<boolean> } | undefined;

  const read = async (): Promise<boolean> => {
    try {
      const snapshots = await source();
      // A late answer is still newer than what the gauges hold; only the flags say it was late.
      for (const snapshot of snapshots) record(families, snapshot, clock());
      return true;
    } catch {
      // The failure itself is the finding: the flags below report it, and whoever owns the connection logs it.
      return false;
    }
  };

  return async () => {
    if (current === undefined || clock() - current.startedAt > GIVE_UP_AFTER * timeoutMs) {
      const started = { startedAt: clock(), done: read() };
      current = started;
      void started.done.then(() => {
        if (current === started) current = undefined;
      });
    }
    const fresh = await within(timeoutMs, current.done);
    families.set('aegis_inventory_stale', {}, fresh ? 0 : 1);
    families.set('aegis_redis_up', {}, fresh ? 1 : 0);
  };
}

const GIVE_UP_AFTER = 20;

function within(timeoutMs: number, done: Promise<boolean>): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), timeoutMs);
    void done.then((ok) => {
      clearTimeout(timer);
      resolve(ok);
    });
  });
}

function record(families: Families, snapshot: RegionInventorySnapshot, now: number): void {
  const { region, counts, queue, freeze, warmPool } = snapshot;
  for (const state of RELAY_STATES) families.set('aegis_relays', { region, state }, counts[state] ?? 0);
  const unknown = Object.entries(counts).filter(([state]) => !RELAY_STATES.some((known) => known === state));
  if (unknown.length > 0) {
    const sum = unknown.reduce((total, [, count]) => total + count, 0);
    families.set('aegis_relays', { region, state: OTHER }, sum);
  }
  families.set('aegis_relay_oldest_pending_age_seconds', { region }, ageSeconds(snapshot.oldestPendingAt, now));
  if (snapshot.oldestTerminatingAt !== undefined) {
    const age = ageSeconds(snapshot.oldestTerminatingAt, now);
    families.set('aegis_relay_oldest_terminating_age_seconds', { region }, age);
  }
  families.set('aegis_launch_intents_open', { region }, snapshot.openIntents);
  if (queue) {
    for (const [state, count] of Object.entries(queue.jobs)) families.set('aegis_queue_jobs', { region, state }, count);
    families.set('aegis_queue_oldest_waiting_age_seconds', { region }, ageSeconds(queue.oldestWaitingAt, now));
  }
  if (snapshot.sweep) recordSweep(families, region, snapshot.sweep);
  if (freeze) {
    for (const each of FREEZE_SWITCHES) {
      families.set('aegis_freeze_active', { region, switch: each }, freeze[each] ? 1 : 0);
    }
  }
  if (warmPool) {
    families.set('aegis_warm_pool_relays', { region }, warmPool.ready);
    families.set('aegis_warm_pool_target', { region }, warmPool.target);
  }
}

function recordSweep(families: Families, region: string, sweep: SweepSnapshot): void {
  const seconds = (sweep.lastCompleteAt ?? 0) / 1000;
  families.set('aegis_sweep_last_complete_timestamp_seconds', { region }, seconds);
  families.set('aegis_sweep_halted', { region }, sweep.halted ? 1 : 0);
  families.set('aegis_sweep_instances', { region }, sweep.instances);
  families.set('aegis_sweep_disagreements', { region, kind: 'orphan' }, sweep.orphans);
  families.set('aegis_sweep_disagreements', { region, kind: 'missing' }, sweep.missing);
}

function ageSeconds(since: number | null, now: number): number {
  return since === null ? 0 : Math.max(0, now - since) / 1000;
}
