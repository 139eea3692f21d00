import { setTimeout } from 'node:timers/promises';
import type { Logger } from '@aegis/logging';
import type { FleetStore } from '@aegis/relays';

const POLL_MS = 20;
/** A region whose EC2 does not answer must not keep the process from being ready for the others. */
const LONGEST_MS = 5_000;

/** Resolves when launches are possible in a region, or after a while all the same. */
export async function waitUntilVerified(store: FleetStore, region: string, logger: Logger): Promise<void> {
  for (let waited = 0; waited < LONGEST_MS; waited += POLL_MS) {
    // A Redis that is slow for a moment is no reason to give up; it was found fit just now.
    if (await store.isVerified(region).catch(() => false)) return;
    await setTimeout(POLL_MS);
  }
  logger.warn('the store has not been compared with EC2 yet: launches wait', { region });
}
