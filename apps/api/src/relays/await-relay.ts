import { isTerminal, type Relay, type RelayFeed, type RelayFrontStore } from '@aegis/relays';

/** Even with no word of a change: one may have been lost. */
const LOOK_AGAIN_MS = 2_000;

export interface AwaitedRelay {
  store: Pick<RelayFrontStore, 'get'>;
  feed: RelayFeed;
  relay: Relay;
  waitMs: number;
  signal: AbortSignal;
}

/** Whether there is something to wait for no longer: it serves, or it never will. */
export function isSettled(relay: Relay): boolean {
  return relay.state === 'active' || isTerminal(relay.state);
}

/** The relay once it is active or has ended, or as it stands when the time is over. */
export async function awaitRelay({ store, feed, relay, waitMs, signal }: AwaitedRelay): Promise<Relay> {
  const endsAt = performance.now() + waitMs;
  const watch = feed.watch(relay.id);
  let latest = relay;
  try {
    while (!isSettled(latest) && !signal.aborted) {
      latest = (await store.get(relay.id)) ?? latest;
      const left = endsAt - performance.now();
      if (isSettled(latest) || left <= 0) break;
      await watch.changed(Math.min(left, LOOK_AGAIN_MS), signal);
    }
    return latest;
  } finally {
    watch.close();
  }
}
