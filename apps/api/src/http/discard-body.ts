import type { IncomingMessage } from 'node:http';
import { announcesBody } from './read-json-body.js';

const MAX_DISCARDED_BYTES = 1024 * 1024;

/**
 * Reads and drops what is left of a refused request, so that a client still sending gets to read the answer instead of
 * a reset; one that sends more than a megabyte past it is cut off. Slow senders fall to the server's request time-out.
 */
export function discardBody(request: IncomingMessage): void {
  if (request.complete || !announcesBody(request)) return;
  let discarded = 0;
  request.on('data', (chunk: Buffer) => {
    discarded += chunk.length;
    if (discarded > MAX_DISCARDED_BYTES) request.destroy();
  });
  request.resume();
}
