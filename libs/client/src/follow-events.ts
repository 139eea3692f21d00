import { setTimeout as delay } from 'node:timers/promises';
import { EventSourceParserStream } from 'eventsource-parser/stream';
import type { AegisClient, RelayEvent } from './aegis-client.js';
import { ApiError, dataOf } from './api-error.js';
import { type Silence, watchSilence } from './watch-silence.js';

export interface FollowOptions {
  /** The `seq` of the last event already known. */
  after?: number;
  signal?: AbortSignal;
  /** How long to wait before coming back after a broken stream. */
  retryMs?: number;
  /** How long to go on trying while no stream comes about. Default: a minute. */
  giveUpMs?: number;
  /** How long a stream may say nothing before it is taken for dead. The API says something every 15 s. */
  silenceMs?: number;
  /** The stream is broken, or none came about, and it is being tried again. Called once for each such time. */
  onLost?(cause: unknown): void;
  /** That is over. */
  onFound?(): void;
}

const RETRY_MS = 1_000;
const GIVE_UP_MS = 60_000;
const SILENCE_MS = 40_000;

/** No stream came about for as long as one was tried for; `cause` is what the last try ended with. */
export class ConnectionLostError extends Error {
  override readonly name = 'ConnectionLostError';
}

/**
 * A relay's events as they happen, each once and in order, until the relay has ended. Broken streams are taken up where
 * they broke. @throws ApiError when the API refuses @throws ConnectionLostError when it is gone for too long
 */
export async function* followEvents(
  client: AegisClient,
  relayId: string,
  options: FollowOptions = {},
): AsyncGenerator<RelayEvent, void, void> {
  const { signal, retryMs = RETRY_MS } = options;
  const connection = createConnection(options);
  let known = options.after ?? 0;
  while (!signal?.aborted) {
    let waitMs = retryMs;
    const silence = watchSilence(connection.patienceMs(), signal);
    try {
      const stream = await open(client, relayId, known, silence);
      if (stream === null) return;
      connection.stands(silence);
      for await (const { id, data } of stream) {
        known = Number(id);
        const event = JSON.parse(data) as RelayEvent;
        yield event;
        if (event.to === 'terminated' || event.to === 'failed') return;
      }
    } catch (error) {
      if (signal?.aborted) return;
      waitMs = connection.failed(error, retryMs);
    } finally {
      silence.end();
    }
    await delay(waitMs, undefined, { signal }).catch(() => {});
  }
}

/** The messages of one connection; null when there is nothing left to hear. */
async function open(client: AegisClient, relayId: string, after: number, silence: Silence) {
  const result = await client.GET('/api/v1/relays/{id}/events', {
    params: { path: { id: relayId }, header: { 'Last-Event-ID': String(after) } },
    headers: { Accept: 'text/event-stream' },
    parseAs: 'stream',
    signal: silence.signal,
  });
  if (result.response.status === 204) return null;
  const body = dataOf({ ...result, data: result.response.body });
  return (
    body
      ?.pipeThrough(silence.listen())
      .pipeThrough(new TextDecoderStream())
      .pipeThrough(new EventSourceParserStream()) ?? null
  );
}

/** What is known of the connection over all its tries. */
function createConnection({ giveUpMs = GIVE_UP_MS, silenceMs = SILENCE_MS, onLost, onFound }: FollowOptions) {
  let lastHeardAt = Date.now();
  let lost = false;
  return {
    /** How long the next try may take. */
    patienceMs: () => Math.max(0, lastHeardAt + giveUpMs - Date.now()),
    stands(silence: Silence): void {
      lastHeardAt = Date.now();
      silence.allow(silenceMs, () => {
        lastHeardAt = Date.now();
      });
      if (lost) onFound?.();
      lost = false;
    },
    /** How long to wait before the next try. Throws what makes one useless. */
    failed(error: unknown, retryMs: number): number {
      if (error instanceof ApiError && error.status === 429) {
        // The API is there, and says when to come back.
        lastHeardAt = Date.now();
        return Math.max(retryMs, (error.retryAfterSeconds ?? 0) * 1000);
      }
      if (error instanceof ApiError && error.status < 500) throw error;
      if (Date.now() + retryMs - lastHeardAt >= giveUpMs) {
        throw new ConnectionLostError('the connection is lost', { cause: error });
      }
      if (!lost) onLost?.(error);
      lost = true;
      return retryMs;
    },
  };
}
