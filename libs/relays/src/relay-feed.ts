import type { RedisClient } from './redis-client.js';
import { regionKeys } from './region-keys.js';

/** Tells those who wait for a relay that something was added to its story. */
export interface RelayFeed {
  /** Resolves once changes are heard. */
  start(): Promise<void>;
  /** From now on; end it with `close`. */
  watch(relayId: string): RelayWatch;
}

export interface RelayWatch {
  /**
   * True as soon as the relay has changed, or may have, since the watch began or this was last asked; false after
   * `withinMs`, or when the signal aborts. What is announced can also be lost: look again when it comes back false.
   */
  changed(withinMs: number, signal: AbortSignal): Promise<boolean>;
  close(): void;
}

export interface RelayFeedOptions {
  /** Of the feed alone: a connection that subscribes can do little else. */
  subscriber: RedisClient;
  regions: readonly string[];
}

/**
 * One subscription per region and process, however many wait: scripts publish the id of each relay whose story they
 * write. Connections that break are made again by the client, and then everybody looks, because announcements were lost.
 */
export function createRelayFeed({ subscriber, regions }: RelayFeedOptions): RelayFeed {
  const watchers = new Map<string, Set<() => void>>();
  const tell = (relayId: string): void => {
    for (const changed of watchers.get(relayId) ?? []) changed();
  };
  const tellAll = (): void => {
    for (const relayId of watchers.keys()) tell(relayId);
  };
  subscriber.on('message', (_channel: string, relayId: string) => tell(relayId));

  return {
    async start() {
      const subscribe = async (): Promise<void> => {
        await subscriber.subscribe(...regions.map((region) => regionKeys(region).feed));
        tellAll();
      };
      await subscribe();
      subscriber.on('ready', () => {
        // A connection that breaks again meanwhile becomes ready again.
        subscribe().catch(() => {});
      });
    },
    watch(relayId) {
      const watch = createWatch();
      const others = watchers.get(relayId) ?? new Set();
      watchers.set(relayId, others.add(watch.announce));
      return {
        changed: watch.changed,
        close() {
          others.delete(watch.announce);
          if (others.size === 0 && watchers.get(relayId) === others) watchers.delete(relayId);
        },
      };
    },
  };
}

function createWatch() {
  let dirty = false;
  let wake: (() => void) | undefined;
  return {
    announce(): void {
      dirty = true;
      wake?.();
    },
    async changed(withinMs: number, signal: AbortSignal): Promise<boolean> {
      if (!dirty && !signal.aborted) {
        await new Promise<void>((resolve) => {
          const done = (): void => {
            clearTimeout(timer);
            signal.removeEventListener('abort', done);
            wake = undefined;
            resolve();
          };
          const timer = setTimeout(done, withinMs);
          signal.addEventListener('abort', done);
          wake = done;
        });
      }
      const seen = dirty;
      dirty = false;
      return seen;
    },
  };
}
