import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '@aegis/logging';
import type { JobName } from '@aegis/queues';

/**
 * Wakes the background job that does what the store now wants, without waiting for it. Never fails: what is wanted is
 * stored, and the job's safety tick finds it there; a lost trigger costs a moment, not a relay.
 */
export type WakeJob = (job: JobName, region: string) => void;

export interface WakeJobsOptions {
  /** Sends one trigger; resolves once the queue has taken it. */
  send(job: JobName, region: string): Promise<void>;
  logger: Logger;
  /** Milliseconds on a clock that never goes back. */
  now?: () => number;
  sleep?: (ms: number) => Promise<void>;
}

/**
 * Least time between two triggers of one job and region, in ms. EC2 takes two launches a second and a run takes all that
 * waits, so a busy api gains nothing from more. What the pool's job does after a claim, nobody waits for.
 */
const SPACING_MS = 10;
const SPACINGS_MS: Partial<Record<JobName, number>> = { warm_pool: 100 };

/**
 * Sends at once when nothing is under way and the last trigger is a moment ago. While one of the same job and region is,
 * one more is sent after it, however many ask: it follows everything they stored, and a burst of creates costs a handful of
 * triggers.
 */
export function createWakeJobs(options: WakeJobsOptions): WakeJob {
  const { send, logger, now = () => performance.now() } = options;
  // A process that ends does not wait for it.
  const sleep = options.sleep ?? ((ms) => delay(ms, undefined, { ref: false }));
  const lines = new Map<string, { sending: boolean; again: boolean; readyAt: number }>();

  return (job, region) => {
    const key = `${job}:${region}`;
    const line = lines.get(key) ?? { sending: false, again: false, readyAt: 0 };
    lines.set(key, line);
    line.again = true;
    if (!line.sending) void run();

    async function run(): Promise<void> {
      line.sending = true;
      while (line.again) {
        const early = line.readyAt - now();
        if (early > 0) await sleep(early);
        line.again = false;
        line.readyAt = now() + (SPACINGS_MS[job] ?? SPACING_MS);
        try {
          await send(job, region);
        } catch (error) {
          logger.warn('trigger failed: the safety tick will do it', { job, region, error });
        }
      }
      // In the same breath as the last look: who asks from now on finds nothing under way and sends.
      line.sending = false;
    }
  };
}
