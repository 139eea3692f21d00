import { setTimeout as delay } from 'node:timers/promises';
import { EventSourceParserStream } from 'eventsource-parser/stream';
import type { AegisClient, RelayEvent } from './aegis-client.js';
import { ApiError, dataOf } from './api-error.js';

export interface FollowOptions {
  /** The `seq` of the last event already known. */
  after?: number;
  signal?: AbortSignal;
  /** How long to wait before coming back after a broken stream. */
  retryMs?: number;
}

const RETRY_MS = 1_000;

/**
 * A relay's events as they happen, each once and in order, until the relay has ended. Broken streams are taken up where
 * they broke. @throws ApiError when the API refuses.
 */
export async function* followEvents(
  client: AegisClient,
  relayId: string,
  { after = 0, signal, retryMs = RETRY_MS }: FollowOptions = {},
): AsyncGenerator<RelayEvent, void, void> {
  let known = after;
  while (!signal?.aborted) {
    try {
      const stream = await open(client, relayId, known, signal);
      if (stream === null) return;
      for await (const { id, data } of stream) {
        known = Number(id);
        const event = JSON.parse(data) as RelayEvent;
        yield event;
        if (event.to === 'terminated' || event.to === 'failed') return;
      }
    } catch (error) {
      if (signal?.aborted) return;
      if (error instanceof ApiError && error.status < 500 && error.status !== 429) throw error;
    }
    await delay(retryMs, undefined, { signal }).catch(() => {});
  }
}

/** The messages of one connection; null when there is nothing left to hear. */
async function open(client: AegisClient, relayId: string, after: number, signal: AbortSignal | undefined) {
  const result = await client.GET('/api/v1/relays/{id}/events', {
    params: { path: { id: relayId }, header: { 'Last-Event-ID': String(after) } },
    headers: { Accept: 'text/event-stream' },
    parseAs: 'stream',
    signal: signal ?? null,
  });
  if (result.response.status === 204) return null;
  const body = dataOf({ ...result, data: result.response.body });
  return body?.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream()) ?? null;
}
