import type { JobContext } from '../job-context.js';

const BATCH = 200;

/** Forgets relays that ended longer ago than the configured retention. */
export async function historyPrune(context: JobContext): Promise<void> {
  const before = context.now() - context.config.relays.retentionSeconds * 1000;
  let forgotten = 0;
  let batch = BATCH;
  while (batch === BATCH) {
    batch = await context.store.pruneEnded(context.fence, before, BATCH);
    forgotten += batch;
  }
  if (forgotten > 0) context.logger.info('ended relays forgotten', { forgotten });
}
