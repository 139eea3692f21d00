import type { Logger } from '@aegis/logging';
import type { RelayFrontStore } from '@aegis/relays';

const INTERVAL_MS = 2_000;

export interface AliveBeat {
  start(): void;
  stop(): void;
}

export interface AliveBeatOptions {
  store: Pick<RelayFrontStore, 'beat'>;
  regions: readonly string[];
  logger: Logger;
  /** Unix milliseconds. */
  now: () => number;
}

/**
 * Tells each region's store that an api is there for its relays to talk to. Without it nobody could tell relays that
 * died from relays that had nobody to report to.
 */
export function createAliveBeat({ store, regions, logger, now }: AliveBeatOptions): AliveBeat {
  let timer: NodeJS.Timeout | undefined;
  const beat = async (region: string): Promise<void> => {
    try {
      await store.beat(region, now());
    } catch (error) {
      // No beat is what the store should see of an api that cannot reach it. The connection's owner reports the loss.
      logger.debug('beat failed', { region, error });
    }
  };
  const beatAll = (): void => {
    for (const region of regions) void beat(region);
  };
  return {
    start() {
      beatAll();
      timer = setInterval(beatAll, INTERVAL_MS);
    },
    stop() {
      clearInterval(timer);
    },
  };
}
