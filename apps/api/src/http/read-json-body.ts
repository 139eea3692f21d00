import type { IncomingMessage } from 'node:http';
import getRawBody from 'raw-body';
import secureJson from 'secure-json-parse';
import { Problem } from './problem.js';

export const MAX_BODY_BYTES = 64 * 1024;

const JSON_IN_UTF8 = /^application\/json\s*(;\s*charset\s*=\s*"?utf-8"?\s*)?$/i;
const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * The parsed JSON body; undefined when the request has none. Refuses other media types, anything over 64 KiB, bytes
 * that are not UTF-8, and keys that would reach an object's prototype.
 */
export async function readJsonBody(request: IncomingMessage): Promise<unknown> {
  if (!announcesBody(request)) return undefined;
  const type = request.headers['content-type'];
  const encoding = request.headers['content-encoding'];
  if ((type !== undefined && !JSON_IN_UTF8.test(type)) || (encoding !== undefined && encoding !== 'identity')) {
    throw unsupported();
  }
  const bytes = await readBytes(request);
  if (bytes.length === 0) return undefined;
  if (type === undefined) throw unsupported();
  try {
    return secureJson.parse(utf8.decode(bytes));
  } catch (cause) {
    throw new Problem('invalid_json', { cause });
  }
}

/** Whether the headers say that a body follows (it may still turn out empty). */
export function announcesBody(request: IncomingMessage): boolean {
  const length = request.headers['content-length'];
  return (length !== undefined && length !== '0') || request.headers['transfer-encoding'] !== undefined;
}

async function readBytes(request: IncomingMessage): Promise<Buffer> {
  try {
    return await getRawBody(request, { length: request.headers['content-length'] ?? null, limit: MAX_BODY_BYTES });
  } catch (cause) {
    if (cause instanceof Error && 'type' in cause && cause.type === 'entity.too.large') {
      throw new Problem('body_too_large', { detail: `At most ${MAX_BODY_BYTES} bytes.`, cause });
    }
    // Cut short by the client, which will most likely never read the answer.
    throw new Problem('malformed_request', { detail: 'The body ended early.', cause });
  }
}

function unsupported(): Problem {
  return new Problem('unsupported_media_type', { headers: { Accept: 'application/json' } });
}
