import { isTerminal, type RelayEvent, type RelayFeed, type RelayFrontStore } from '@aegis/relays';
import type { EventStream } from '../http/event-stream.js';
import { presentRelayEvent } from '../schemas/relay-event.js';

const PAGE = 200;

export interface FollowedRelay {
  store: Pick<RelayFrontStore, 'events'>;
  feed: RelayFeed;
  relayId: string;
  /** The `seq` of the last event the client knows. */
  after: number;
  keepAliveMs: number;
}

/**
 * Sends a relay's events as they come, and ends when the relay has. It only ever remembers how far the client is: what a
 * slow client has not read stays in the store.
 */
export async function followEvents(stream: EventStream, followed: FollowedRelay): Promise<void> {
  const { store, feed, relayId, keepAliveMs } = followed;
  const watch = feed.watch(relayId);
  try {
    let after = followed.after;
    while (!stream.signal.aborted) {
      const page = await readOn(store, relayId, after);
      for (const event of page.events) {
        await stream.send({ id: String(event.seq), data: presentRelayEvent(event) });
        after = event.seq;
      }
      if (page.events.length === PAGE) continue;
      if (page.ended) return;
      if (!(await watch.changed(keepAliveMs, stream.signal))) await stream.keepAlive();
    }
  } finally {
    watch.close();
  }
}

/** Whether a client that knows the story up to `after` knows its end. */
export async function knowsEnd(store: FollowedRelay['store'], relayId: string, after: number): Promise<boolean> {
  const page = await readOn(store, relayId, after);
  return page.events.length === 0 && page.ended;
}

/**
 * The events after one that the client knows, which is read along: when it is not there any more the store was lost, the
 * story began anew, and so does the reading.
 */
async function readOn(
  store: FollowedRelay['store'],
  relayId: string,
  after: number,
): Promise<{ events: RelayEvent[]; ended: boolean }> {
  const read = await store.events(relayId, Math.max(0, after - 1), PAGE + 1);
  if (after > 0 && read[0]?.seq !== after) return readOn(store, relayId, 0);
  const events = read.filter((event) => event.seq > after).slice(0, PAGE);
  const last = events.at(-1) ?? read.at(-1);
  return { events, ended: last !== undefined && isTerminal(last.to) };
}
