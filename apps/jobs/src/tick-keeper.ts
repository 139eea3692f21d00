import type { Logger } from '@aegis/logging';
import type { RegionQueue } from '@aegis/queues';
import type { FleetStore } from '@aegis/relays';

/** How often each region's ticks are confirmed. */
const INTERVAL_MS = 10_000;
/** How soon a Redis that restarted, failed over or was flushed is noticed. */
const DOUBT_INTERVAL_MS = 2_000;

export interface TickKeeper {
  /** Resolves when every region has its ticks, or a Redis that is slow for a moment did not take them: it is asked again. */
  start(): Promise<void>;
  stop(): void;
}

export interface TickKeeperOptions {
  queues: ReadonlyMap<string, Pick<RegionQueue, 'ensureTicks' | 'trigger'>>;
  store: Pick<FleetStore, 'isVerified'>;
  logger: Logger;
}

/**
 * Keeps each region's safety ticks in place: a Redis that lost its data would otherwise never run a job again. A store
 * in doubt gets its ticks and its sweep at once, since until then nothing is launched and forgotten relays are unknown.
 */
export function createTickKeeper({ queues, store, logger }: TickKeeperOptions): TickKeeper {
  const timers: NodeJS.Timeout[] = [];
  // Regions are kept apart, both when their ticks come and, after the start, when they are confirmed: all together would keep
  // every create waiting that comes just then.
  const regions = [...queues].map(([region, queue], index) => ({
    region,
    queue,
    ensure: () => queue.ensureTicks(index / queues.size),
  }));
  let next = 0;
  const ensureNext = async () => regions[next++ % regions.length]?.ensure();
  const settleDoubts = () =>
    Promise.all(
      regions.map(async ({ region, queue, ensure }) => {
        if (await store.isVerified(region)) return;
        await ensure();
        await queue.trigger('orphan_sweep');
      }),
    );
  const attempt = (work: () => Promise<unknown>) =>
    work().catch((error: unknown) => logger.warn('safety ticks not confirmed', { error }));
  const every = (ms: number, work: () => Promise<unknown>) => timers.push(setInterval(() => attempt(work), ms));
  return {
    async start() {
      await attempt(() => Promise.all(regions.map(({ ensure }) => ensure())));
      every(INTERVAL_MS / regions.length, ensureNext);
      every(DOUBT_INTERVAL_MS, settleDoubts);
    },
    stop() {
      for (const timer of timers.splice(0)) clearInterval(timer);
    },
  };
}
