import { type ConnectionOptions, type Job, type JobsOptions, Queue } from 'bullmq';
import {
  JOB_NAMES,
  JOB_TICKS,
  type JobName,
  QUEUE_NAMES,
  type QueueName,
  queueOf,
  type RunPayload,
  TICK,
  type TickPayload,
} from './job-catalogue.js';

export interface RegionQueueOptions {
  region: string;
  /** The hash tag of the region, `{aegis:<region>}`. */
  prefix: string;
  connection: ConnectionOptions;
  /** Where a job's tick differs from the catalogue's. Ms. */
  ticks?: Partial<Record<JobName, number>>;
}

export interface RegionQueue {
  /**
   * Asks for a run of a job. While a run is active at most one more waits, however many ask: it starts when the
   * active one ends and so sees everything stored before the last trigger.
   */
  trigger(job: JobName): Promise<void>;
  /**
   * Makes sure that every job has its safety tick. Repeating it changes nothing; a wiped Redis needs it again. `phase`, from
   * 0 to below 1, is where in their intervals the region's ticks are put when they are new, so that those of many regions do
   * not come together.
   */
  ensureTicks(phase: number): Promise<void>;
  depth(): Promise<QueueDepth>;
  /** Since when the job that a worker should have taken first waits for one (Unix ms), ticks too; null when none does. */
  overdueSince(name: QueueName): Promise<number | null>;
  close(): Promise<void>;
}

/** Ticks that wait for their time are not counted. */
export interface QueueDepth {
  jobs: { waiting: number; active: number; failed: number };
  /** Since when the run that has waited longest waits for a worker (Unix ms); null when none does. */
  oldestWaitingAt: number | null;
}

/** A run is never retried by the queue: it is level-triggered, so the next tick or trigger does what it left. */
const RUN_OPTIONS = {
  attempts: 1,
  removeOnComplete: true,
  removeOnFail: { count: 20 },
} as const satisfies JobsOptions;

type RunQueue = Queue<RunPayload | TickPayload>;

export function createRegionQueue({ region, prefix, connection, ticks }: RegionQueueOptions): RegionQueue {
  const queues: Record<QueueName, RunQueue> = {
    launch: openQueue('launch', { prefix, connection }),
    jobs: openQueue('jobs', { prefix, connection }),
  };
  const all = QUEUE_NAMES.map((name) => queues[name]);
  return {
    async trigger(job) {
      await queues[queueOf(job)].add(
        job,
        { triggeredAt: Date.now() },
        { ...RUN_OPTIONS, deduplication: { id: `${job}:${region}`, keepLastIfActive: true } },
      );
    },
    async ensureTicks(phase) {
      for (const [index, job] of JOB_NAMES.entries()) {
        const every = ticks?.[job] ?? JOB_TICKS[job];
        await queues.jobs.upsertJobScheduler(
          `${TICK}:${job}`,
          { every, offset: offsetIn(every, phase + index / JOB_NAMES.length) },
          { name: TICK, data: { job }, opts: RUN_OPTIONS },
        );
      }
    },
    async depth() {
      const [counts, oldest] = await Promise.all([
        Promise.all(all.map((queue) => queue.getJobCounts('wait', 'active', 'failed'))),
        Promise.all(all.map((queue) => queue.getJobs('wait', 0, 0, true))),
      ]);
      const sum = (state: string) => counts.reduce((total, count) => total + (count[state] ?? 0), 0);
      const waitingSince = oldest.flat().map(waitsSince);
      return {
        jobs: { waiting: sum('wait'), active: sum('active'), failed: sum('failed') },
        oldestWaitingAt: waitingSince.length > 0 ? Math.min(...waitingSince) : null,
      };
    },
    async overdueSince(name) {
      const queue = queues[name];
      const first = await Promise.all([queue.getJobs('wait', 0, 0, true), queue.getJobs('delayed', 0, 0, true)]);
      const since = first.flat().map(waitsSince);
      const earliest = since.length > 0 ? Math.min(...since) : null;
      return earliest !== null && earliest <= Date.now() ? earliest : null;
    },
    async close() {
      await Promise.all(all.map((queue) => queue.close()));
    },
  };
}

/** Milliseconds into an interval; BullMQ takes 0 for "none", which would be now. */
function offsetIn(every: number, phase: number): number {
  return Math.max(1, Math.floor(every * (phase % 1)));
}

/** A tick is made ahead of its time, which BullMQ keeps in its id only: `repeat:<scheduler>:<Unix ms>`. */
function waitsSince({ timestamp, id }: Pick<Job, 'timestamp' | 'id'>): number {
  const due = /^repeat:.*:(\d+)$/.exec(id ?? '')?.[1];
  return Math.max(timestamp, Number(due ?? 0));
}

function openQueue(name: QueueName, options: Pick<RegionQueueOptions, 'prefix' | 'connection'>): RunQueue {
  const queue: RunQueue = new Queue(name, {
    ...options,
    // An api must answer while Redis is away: fail at once instead of waiting for a connection. The version was checked
    // at start-up (`checkRedis`).
    skipWaitingForReady: true,
    skipVersionCheck: true,
    streams: { events: { maxLen: 100 } },
  });
  queue.on('error', () => {
    // Each call rejects by itself; without a listener the same error would end the process.
  });
  return queue;
}
