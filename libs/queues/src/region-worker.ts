import { setTimeout as delay } from 'node:timers/promises';
import { type ConnectionOptions, Worker } from 'bullmq';
import {
  concurrencyOf,
  isJobName,
  type JobName,
  QUEUE_NAMES,
  type QueueName,
  type RunPayload,
  TICK,
  type TickPayload,
} from './job-catalogue.js';
import type { RegionQueue } from './region-queue.js';

export interface RegionWorkerOptions {
  prefix: string;
  /** For commands that block; without a command time-out and with endless retries, as BullMQ asks of a worker. */
  connection: ConnectionOptions;
  /** Another one like it, for a worker that takes the place of one that is stuck. Whoever made it closes it. */
  freshConnection(): ConnectionOptions;
  /** How long an idle worker may leave a job waiting, in ms. Default: 15 s. */
  patienceMs?: number;
  /** The same region's queue: a tick only triggers, so that ticks and triggers share one deduplication. */
  queue: RegionQueue;
  process(job: JobName, payload: RunPayload): Promise<void>;
  /** Errors outside a run: a lost connection, a lost lock. */
  onError(error: Error): void;
}

export interface RegionWorker {
  start(): void;
  /** Looks for no further run; one that a read was waiting for may still come. The active ones go on. */
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

/**
 * BullMQ's loop that fetches jobs has been seen to stop for good when a master of a Redis Cluster failed over. Its own
 * watchdog gives up a blocking read after 11 s, but then waits without limit for ioredis to be `ready`, and a cluster
 * client of ioredis 6.0 can stay `close` for ever (taskforcesh/bullmq#4138). One way there is known and shut, see `dnsLookup`
 * in libs/service/src/redis-client.ts; this guard is for others. Ticks are due every few seconds, so a job that nobody takes
 * for so long, while Redis answers and the worker has nothing to do, means that the worker is stuck.
 */
const PATIENCE_MS = 15_000;

/** How long Redis may take to be told how the last runs ended; without it BullMQ waits for ever. */
const CLOSE_GRACE_MS = 1_000;

/** One queue's worker, and when it last took anything. */
interface Hand {
  worker: Worker<RunPayload | TickPayload>;
  active: number;
  busyAt: number;
  /** The last look found it idle beside work: with the next it is replaced. One that Redis kept from working gets on by then. */
  suspect: boolean;
}

/** Runs a region's jobs: workers of its own, so that a slow region never holds up another. */
export function createRegionWorker(options: RegionWorkerOptions): RegionWorker {
  const { connection, queue, patienceMs = PATIENCE_MS } = options;
  const active = new Set<Promise<void>>();
  const hands = new Map<QueueName, Hand>();
  const retired: Promise<unknown>[] = [];
  let watch: NodeJS.Timeout | undefined;

  const run = async (name: string, data: RunPayload | TickPayload): Promise<void> => {
    if (name === TICK) {
      await queue.trigger((data as TickPayload).job);
    } else if (isJobName(name)) {
      await options.process(name, data as RunPayload);
    } else {
      throw new Error(`the queue holds a run of an unknown job ${JSON.stringify(name)}`);
    }
  };

  function hire(name: QueueName, from: ConnectionOptions): void {
    const worker = openWorker(name, options, from, async (job) => {
      const running = run(job.name, job.data);
      active.add(running);
      hand.active += 1;
      await running.finally(() => {
        active.delete(running);
        hand.active -= 1;
        hand.busyAt = Date.now();
      });
    });
    const hand: Hand = { worker, active: 0, busyAt: Date.now(), suspect: false };
    hands.set(name, hand);
  }

  const isIdle = ({ active: runs, busyAt }: Hand): boolean => runs === 0 && Date.now() - busyAt > patienceMs;

  async function replaceIfStuck(name: QueueName, hand: Hand): Promise<void> {
    const since = isIdle(hand) ? await queue.overdueSince(name) : null;
    const overdueMs = since === null ? 0 : Date.now() - since;
    const wasSuspect = hand.suspect;
    hand.suspect = overdueMs > patienceMs && isIdle(hand);
    if (!wasSuspect || !hand.suspect || watch === undefined) return;
    options.onError(new Error(`the worker of ${name} took nothing for ${overdueMs} ms and is replaced`));
    retired.push(hand.worker.close(true).catch(() => undefined));
    hire(name, options.freshConnection());
    hands.get(name)?.worker.run().catch(options.onError);
  }

  for (const name of QUEUE_NAMES) hire(name, connection);
  const workers = () => [...hands.values()].map(({ worker }) => worker);
  return {
    start() {
      for (const worker of workers()) worker.run().catch(options.onError);
      watch = setInterval(() => {
        for (const [name, hand] of hands) {
          // A Redis that does not answer explains a worker that takes nothing, and tells of itself.
          replaceIfStuck(name, hand).catch(() => undefined);
        }
      }, patienceMs / 3);
    },
    async pause() {
      clearInterval(watch);
      watch = undefined;
      await Promise.all(workers().map((worker) => worker.pause(true)));
    },
    async close() {
      clearInterval(watch);
      watch = undefined;
      const closed = Promise.all([...retired, ...workers().map((worker) => worker.close().catch(options.onError))]);
      do {
        await Promise.allSettled(active);
        await withinGrace(closed);
      } while (active.size > 0);
    },
  };
}

type Process = (job: { name: string; data: RunPayload | TickPayload }) => Promise<void>;

function openWorker(
  name: QueueName,
  { prefix, onError }: RegionWorkerOptions,
  connection: ConnectionOptions,
  process: Process,
): Worker<RunPayload | TickPayload> {
  const worker = new Worker<RunPayload | TickPayload>(name, process, {
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
  worker.on('error', onError);
  return worker;
}

async function withinGrace(work: Promise<unknown>): Promise<void> {
  const patience = new AbortController();
  const grace = delay(CLOSE_GRACE_MS, undefined, { signal: patience.signal }).catch(() => undefined);
  await Promise.race([work, grace]);
  patience.abort();
}
