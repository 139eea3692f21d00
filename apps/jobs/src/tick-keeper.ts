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
  const all = [...queues.values()];
  let next = 0;
  // One region after the other: all at once, Redis would be busy with them alone for tens of milliseconds.
  const ensureNext = async () => all[next++ % all.length]?.ensureTicks();
  const settleDoubts = () =>
    Promise.all(
      [...queues].map(async ([region, queue]) => {
        if (await store.isVerified(region)) return;
        await queue.ensureTicks();
        await queue.trigger('orphan_sweep');
      }),
    );
  const attempt = (work: () => Promise<unknown>) =>
    work().catch((error: unknown) => logger.warn('safety ticks not confirmed', { error }));
  const every = (ms: number, work: () => Promise<unknown>) => timers.push(setInterval(() => attempt(work), ms));
  return {
    async start() {
      await attempt(() => Promise.all(all.map((queue) => queue.ensureTicks())));
      every(INTERVAL_MS / all.length, ensureNext);
      every(DOUBT_INTERVAL_MS, settleDoubts);
    },
    stop() {
      for (const timer of timers.splice(0)) clearInterval(timer);
    },
  };
}
