import { setTimeout as delay } from 'node:timers/promises';
import type { ConnectionOptions } from 'bullmq';
import { bullmq } from './bullmq.js';
import {
  concurrencyOf,
  isJobName,
  type JobName,
  QUEUE_NAMES,
  type RunPayload,
  TICK,
  type TickPayload,
} from './job-catalogue.js';
import type { RegionQueue } from './region-queue.js';

export interface RegionWorkerOptions {
  prefix: string;
  /** For commands that block; without a command time-out and with endless retries, as BullMQ asks of a worker. */
  connection: ConnectionOptions;
  /** The same region's queue: a tick only triggers, so that ticks and triggers share one deduplication. */
  queue: RegionQueue;
  process(job: JobName, payload: RunPayload): Promise<void>;
  /** Errors outside a run: a lost connection, a lost lock. */
  onError(error: Error): void;
}

export interface RegionWorker {
  start(): void;
  /** Takes no further run; the active ones go on. */
  pause(): Promise<void>;
  /** Waits for active runs. Does not wait for a Redis that is away: what it was not told is run again. */
  close(): Promise<void>;
}

/*
 * A dead worker's run comes back after at most LOCK_MS + STALLED_CHECK_MS; until then its job's triggers wait. Runs
 * renew their lock themselves, so the lock may be shorter than a run.
 */
const LOCK_MS = 6_000;
const STALLED_CHECK_MS = 2_000;

/** How long Redis may take to be told how the last runs ended; without it BullMQ waits for ever. */
const CLOSE_GRACE_MS = 1_000;

/** Runs a region's jobs: workers of its own, so that a slow region never holds up another. */
export function createRegionWorker(options: RegionWorkerOptions): RegionWorker {
  const { prefix, connection, queue } = options;
  const active = new Set<Promise<void>>();
  const run = async (name: string, data: RunPayload | TickPayload): Promise<void> => {
    if (name === TICK) {
      await queue.trigger((data as TickPayload).job);
    } else if (isJobName(name)) {
      await options.process(name, data as RunPayload);
    } else {
      throw new Error(`the queue holds a run of an unknown job ${JSON.stringify(name)}`);
    }
  };
  const process = async (job: { name: string; data: RunPayload | TickPayload }): Promise<void> => {
    const running = run(job.name, job.data);
    active.add(running);
    await running.finally(() => active.delete(running));
  };
  const workers = QUEUE_NAMES.map((name) => {
    const worker = new bullmq.Worker<RunPayload | TickPayload>(name, process, {
      prefix,
      connection,
      concurrency: concurrencyOf(name),
      lockDuration: LOCK_MS,
      stalledInterval: STALLED_CHECK_MS,
      // A run that was cut off is safe to run again, any number of times.
      maxStalledCount: Number.MAX_SAFE_INTEGER,
      runRetryDelay: 1_000,
      autorun: false,
      // Checked at start-up (`checkRedis`).
      skipVersionCheck: true,
    });
    worker.on('error', options.onError);
    return worker;
  });
  return {
    start() {
      for (const worker of workers) worker.run().catch(options.onError);
    },
    async pause() {
      await Promise.all(workers.map((worker) => worker.pause(true)));
    },
    async close() {
      const closed = Promise.all(workers.map((worker) => worker.close().catch(options.onError)));
      do {
        await Promise.allSettled(active);
        await withinGrace(closed);
      } while (active.size > 0);
    },
  };
}

async function withinGrace(work: Promise<unknown>): Promise<void> {
  const patience = new AbortController();
  const grace = delay(CLOSE_GRACE_MS, undefined, { signal: patience.signal }).catch(() => undefined);
  await Promise.race([work, grace]);
  patience.abort();
}
