import { setTimeout as delay } from 'node:timers/promises';
import type { JobName } from '@aegis/queues';
import type { Fleet } from './fleet.js';

const POLL_MS = 10;
const TIMEOUT_MS = 180_000;

/** Resolves when no run of any job waits or is active. */
export async function untilIdle({ queue }: Fleet): Promise<void> {
  const deadline = performance.now() + TIMEOUT_MS;
  for (;;) {
    const { waiting, active } = (await queue.depth()).jobs;
    if (waiting + active === 0) return;
    if (performance.now() > deadline) throw new Error('the jobs did not come to rest');
    await delay(POLL_MS);
  }
}

interface Runs {
  count: number;
  milliseconds: number;
}

/** What the jobs process itself has counted and timed. */
async function readRuns({ stack }: Fleet, job: JobName): Promise<Runs> {
  const page = await (await fetch(`${stack.jobs[0]?.url}/metrics`)).text();
  const value = (name: string): number =>
    Number(new RegExp(`^${name}\\{job="${job}"\\} (\\S+)$`, 'm').exec(page)?.[1] ?? Number.NaN);
  return { count: value('aegis_job_duration_ms_count'), milliseconds: value('aegis_job_duration_ms_sum') };
}

/**
 * Triggers one run and answers how long it took, in milliseconds, as the jobs process timed it; null when a safety tick
 * came between and it cannot be told which run did the work.
 */
export async function timeRun(fleet: Fleet, job: JobName): Promise<number | null> {
  const before = await readRuns(fleet, job);
  await fleet.queue.trigger(job);
  await untilIdle(fleet);
  const after = await readRuns(fleet, job);
  return after.count === before.count + 1 ? after.milliseconds - before.milliseconds : null;
}
