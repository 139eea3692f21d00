/** How often the safety tick of each job comes round, in ms. Triggers make a job run sooner, ticks make sure it runs. */
export const JOB_TICKS = {
  relay_launch: 5_000,
  relay_boot_watch: 2_000,
  relay_terminate: 2_000,
  relay_expiry: 5_000,
  orphan_sweep: 60_000,
  warm_pool: 5_000,
  history_prune: 3_600_000,
} as const;

export type JobName = keyof typeof JOB_TICKS;
export const JOB_NAMES = Object.keys(JOB_TICKS) as JobName[];

export function isJobName(name: string): name is JobName {
  return Object.hasOwn(JOB_TICKS, name);
}

/** A queue holds the runs themselves, named after their job, and the ticks that trigger them. */
export const TICK = 'tick';

export interface RunPayload {
  /** When the trigger was sent (Unix ms). */
  triggeredAt: number;
}

export interface TickPayload {
  job: JobName;
}

/**
 * The queues of a region; their keys carry the region's hash tag, so they share a shard with its store. Launches have one
 * of their own: a BullMQ worker that may run several jobs at once asks for a second before it starts the first, and a
 * create would wait for that answer.
 */
export const QUEUE_NAMES = ['launch', 'jobs'] as const;
export type QueueName = (typeof QUEUE_NAMES)[number];

export function queueOf(job: JobName): QueueName {
  return job === 'relay_launch' ? 'launch' : 'jobs';
}

/** Most runs of a queue at once: of a job only one is ever active, and ticks come beside them. */
export function concurrencyOf(name: QueueName): number {
  return name === 'launch' ? 1 : JOB_NAMES.length + 1;
}
