import type { JobContext } from '../job-context.js';

const BATCH = 200;

/** Sends off every relay whose lease, lifetime, boot time or silence has run out. Costs O(due). */
export async function relayExpiry(context: JobContext): Promise<void> {
  const { store, fence, now } = context;
  let leaving = 0;
  let remaining = 1;
  while (remaining > 0) {
    const batch = await store.expireDue(fence, now(), BATCH);
    context.recordMoves(batch.moves);
    leaving += batch.moves.filter((move) => move.to === 'terminating').length;
    for (const move of batch.moves) {
      context.logger.info('relay expired', { relayId: move.relayId, reason: move.reason });
    }
    ({ remaining } = batch);
  }
  if (leaving > 0) await context.trigger('relay_terminate');
}
