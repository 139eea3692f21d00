import { randomUUID } from 'node:crypto';
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { HTTP_LIMITS, MAX_CONNECTIONS, MAX_HEADER_COUNT } from './http-limits.js';
import { type Problem, problemBody } from './problem.js';
import { StartupError } from './startup-error.js';

export interface ListenerOptions {
  /** For logs and faults: `api`, `metrics`. */
  name: string;
  host: string;
  /** 0: the system chooses; read it back from `HttpListener.port`. */
  port: number;
  handler: RequestListener;
  /** What the operator sets to change address and port, named in faults: `{host: 'AEGIS_API_HOST', …}`. */
  settings?: { host: string; port: string };
  /** Overrides of `HTTP_LIMITS`. */
  limits?: ServerOptions;
}

export interface HttpListener {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly url: string;
  /** From now on each answer tells its client to open its next connection elsewhere. Still accepts. */
  beginDrain(): void;
  /** Accepts no more; resolves when the last answer in flight has left. */
  close(): Promise<void>;
  /** Cuts every connection. */
  destroy(): void;
}

/** Opens an HTTP listener with bounded time-outs; refuses with a `StartupError` when the address cannot be had. */
export async function openListener(options: ListenerOptions): Promise<HttpListener> {
  const inFlight = new Set<ServerResponse>();
  let draining = false;
  let closing = false;

  // Without a Host Node would answer by itself, and without a body.
  const settings = { ...HTTP_LIMITS, ...options.limits, requireHostHeader: false };
  const server = createServer(settings, (request, response) => {
    if (isMalformed(request)) return refuse(response, MALFORMED);
    inFlight.add(response);
    if (draining) response.setHeader('Connection', 'close');
    response.on('close', () => {
      inFlight.delete(response);
      // A keep-alive connection that was busy when the server closed would otherwise idle on until its time-out.
      if (closing) setImmediate(() => server.closeIdleConnections());
    });
    options.handler(request, response);
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.maxHeadersCount = MAX_HEADER_COUNT;
  server.on('checkExpectation', (_request, response) => refuse(response, EXPECTATION_FAILED));
  server.on('connect', (_request, socket: Socket) => socket.end(bareAnswer(METHOD_NOT_ALLOWED)));
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    const answered = [...inFlight].some((response) => response.socket === socket && response.headersSent);
    if (answered || !socket.writable || error.code === 'ECONNRESET') socket.destroy();
    else socket.end(bareAnswer(malformedRequestProblem(error.code)));
  });

  const address = await listen(server, options);
  const beginDrain = (): void => {
    draining = true;
    for (const response of inFlight) if (!response.headersSent) response.setHeader('Connection', 'close');
  };
  return {
    name: options.name,
    host: address.address,
    port: address.port,
    url: `http://${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}`,
    beginDrain,
    close() {
      beginDrain();
      closing = true;
      return new Promise((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
      });
    },
    destroy() {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function listen(server: Server, options: ListenerOptions): Promise<AddressInfo> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(listenFault(error, options)));
    server.listen({ host: options.host, port: options.port, exclusive: true }, resolve);
  });
  server.removeAllListeners('error');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a TCP listener has a TCP address');
  return address;
}

function listenFault(error: NodeJS.ErrnoException, options: ListenerOptions): Error {
  const { name, host, port, settings } = options;
  const set = (setting: 'host' | 'port'): string => settings?.[setting] ?? `the ${setting} of the ${name} listener`;
  switch (error.code) {
    case 'EADDRINUSE':
      return new StartupError(
        `${name}: port ${port} on ${host} is taken: stop the process that uses it, or set ${set('port')} to a free one`,
      );
    case 'EACCES':
      return new StartupError(
        `${name}: not allowed to listen on port ${port}: set ${set('port')} to 1024 or above, or grant the permission`,
      );
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new StartupError(
        `${name}: ${host} is no address of this machine: set ${set('host')} to one that is, such as 127.0.0.1`,
      );
    default:
      return error;
  }
}

const MALFORMED: Problem = { status: 400, title: 'Bad Request', code: 'malformed_request' };
const METHOD_NOT_ALLOWED: Problem = { status: 405, title: 'Method Not Allowed', code: 'method_not_allowed' };
const EXPECTATION_FAILED: Problem = { status: 417, title: 'Expectation Failed', code: 'expectation_failed' };

/** What Node lets through and no app can route: HTTP/1.1 without a Host, a target that is neither a path nor a URL. */
function isMalformed({ headers, httpVersion, url = '' }: IncomingMessage): boolean {
  if (headers.host === undefined && httpVersion === '1.1') return true;
  return !url.startsWith('/') && url !== '*' && !URL.canParse(url);
}

/** For requests that never reach an app. */
function refuse(response: ServerResponse, problem: Problem): void {
  const requestId = randomUUID();
  const body = problemBody(problem, requestId);
  response
    .writeHead(problem.status, {
      'X-Request-Id': requestId,
      'X-Content-Type-Options': 'nosniff',
      'Content-Type': 'application/problem+json',
      'Content-Length': Buffer.byteLength(body),
      Connection: 'close',
    })
    .end(body);
}

/** The same for what is no request to Node: there is only a socket. */
function bareAnswer(problem: Problem): string {
  const requestId = randomUUID();
  const body = problemBody(problem, requestId);
  return [
    `HTTP/1.1 ${problem.status} ${problem.title}`,
    `X-Request-Id: ${requestId}`,
    'X-Content-Type-Options: nosniff',
    'Content-Type: application/problem+json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
    '',
    body,
  ].join('\r\n');
}

function malformedRequestProblem(code: string | undefined): Problem {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return { status: 431, title: 'Request Header Fields Too Large', code: 'headers_too_large' };
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return { status: 408, title: 'Request Timeout', code: 'request_timeout' };
    default:
      return MALFORMED;
  }
}
