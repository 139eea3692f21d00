import type { Request, Response } from 'express';
import type { EventStream, StreamObserver } from './event-stream.js';
import { contextOf } from './request-context.js';
import { commonHeaders, SECURITY_HEADERS } from './send.js';

/** How soon a browser whose stream ended asks again. */
const RETRY_MS = 1_000;

interface OpenStream {
  request: Request;
  response: Response;
  /** Aborts with the client's connection and with the process. */
  signal: AbortSignal;
  stallMs: number;
  observer: StreamObserver;
}

/** Answers with a stream that `follow` writes; ends it when `follow` does. */
export async function sendEventStream(
  { request, response, signal, stallMs, observer }: OpenStream,
  follow: (stream: EventStream) => Promise<void>,
): Promise<void> {
  contextOf(response).untimed = true;
  response.writeHead(200, {
    ...commonHeaders(response),
    ...SECURITY_HEADERS,
    'Content-Type': 'text/event-stream',
    // nginx would otherwise gather events until its buffer is full.
    'X-Accel-Buffering': 'no',
  });
  if (request.method === 'HEAD') {
    response.end();
    return;
  }
  observer.opened();
  try {
    const write = (text: string): Promise<void> => writeWhole({ response, signal, stallMs, observer }, text);
    await write(`retry: ${RETRY_MS}\n\n`);
    await follow({
      signal,
      send: ({ id, data }) => write(`id: ${id}\ndata: ${JSON.stringify(data)}\n\n`),
      keepAlive: () => write(': alive\n\n'),
    });
  } finally {
    observer.closed();
    response.end();
  }
}

async function writeWhole(
  { response, signal, stallMs, observer }: Omit<OpenStream, 'request'>,
  text: string,
): Promise<void> {
  if (signal.aborted || response.write(text)) return;
  const drained = await new Promise<boolean>((resolve) => {
    const done = (result: boolean): void => {
      clearTimeout(timer);
      response.off('drain', onDrain);
      signal.removeEventListener('abort', onAbort);
      resolve(result);
    };
    const onDrain = (): void => done(true);
    const onAbort = (): void => done(true);
    const timer = setTimeout(() => done(false), stallMs);
    response.on('drain', onDrain);
    signal.addEventListener('abort', onAbort);
  });
  if (drained) return;
  observer.stalled();
  response.destroy();
}
