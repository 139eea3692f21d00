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
}

/**
 * Sends at once when nothing is under way. While a trigger of the same job and region is, one more is sent after it,
 * however many ask: it follows everything they stored, and a burst of creates costs a handful of triggers.
 */
export function createWakeJobs({ send, logger }: WakeJobsOptions): WakeJob {
  const underWay = new Map<string, { again: boolean }>();

  const run = async (key: string, job: JobName, region: string, state: { again: boolean }): Promise<void> => {
    do {
      state.again = false;
      try {
        await send(job, region);
      } catch (error) {
        logger.warn('trigger failed: the safety tick will do it', { job, region, error });
      }
    } while (state.again);
    // In the same breath as the last look: who asks from now on finds nothing under way and sends.
    underWay.delete(key);
  };

  return (job, region) => {
    const key = `${job}:${region}`;
    const current = underWay.get(key);
    if (current) {
      current.again = true;
      return;
    }
    const state = { again: false };
    underWay.set(key, state);
    void run(key, job, region, state);
  };
}
