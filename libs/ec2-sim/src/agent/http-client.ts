import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';

const REQUEST_TIMEOUT_MS = 5000;
/** Shared by all agents of the simulator: thousands of relays must not need thousands of sockets. */
const MAX_SOCKETS = 64;
const MAX_ANSWER_BYTES = 64 * 1024;

export interface HttpAnswer {
  status: number;
  /** Parsed JSON, or undefined when the body was none. */
  body: unknown;
}

/** Posts JSON over a bounded set of kept-alive connections. */
export class HttpClient {
  readonly #http = new HttpAgent({ keepAlive: true, maxSockets: MAX_SOCKETS, maxFreeSockets: MAX_SOCKETS });
  readonly #https = new HttpsAgent({ keepAlive: true, maxSockets: MAX_SOCKETS, maxFreeSockets: MAX_SOCKETS });

  /** Null when no answer came: refused, reset, or silent past the time-out. */
  post(url: string, headers: Record<string, string>, body: object): Promise<HttpAnswer | null> {
    const text = JSON.stringify(body);
    const secure = url.startsWith('https:');
    const start = secure ? httpsRequest : httpRequest;
    return new Promise((resolve) => {
      const request = start(
        url,
        {
          method: 'POST',
          agent: secure ? this.#https : this.#http,
          timeout: REQUEST_TIMEOUT_MS,
          headers: { ...headers, 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) },
        },
        (response) => collect(response, resolve),
      );
      request.on('timeout', () => request.destroy());
      request.on('error', () => resolve(null));
      request.end(text);
    });
  }

  close(): void {
    this.#http.destroy();
    this.#https.destroy();
  }
}

function collect(response: IncomingMessage, resolve: (answer: HttpAnswer | null) => void): void {
  const chunks: Buffer[] = [];
  let size = 0;
  response.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size <= MAX_ANSWER_BYTES) chunks.push(chunk);
  });
  response.on('error', () => resolve(null));
  response.on('end', () => resolve({ status: response.statusCode ?? 0, body: parsed(Buffer.concat(chunks)) }));
}

function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}
