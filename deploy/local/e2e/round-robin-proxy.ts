import { Agent, createServer, get, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface RoundRobinProxy {
  readonly url: string;
  /** Sends to these from now on, each once it is ready. */
  serve(backends: readonly string[]): void;
  readonly ready: readonly string[];
  stop(): Promise<void>;
}

const PROBE_MS = 100;
/** Between a backend and us alone. */
const HOP_BY_HOP = ['connection', 'keep-alive', 'transfer-encoding'];

/**
 * A load balancer as operators have them: keeps connections to its backends open, asks `/readyz` now and then, sends to those
 * that were ready when it last asked, and repeats nothing.
 */
export async function startRoundRobinProxy(): Promise<RoundRobinProxy> {
  const agent = new Agent({ keepAlive: true });
  const ready = new Set<string>();
  let backends: readonly string[] = [];
  let turn = 0;

  function forward(incoming: IncomingMessage, answer: ServerResponse): void {
    const open = backends.filter((backend) => ready.has(backend));
    const backend = open[turn++ % open.length];
    if (backend === undefined) {
      fail(answer, 503, 'no backend is ready');
      return;
    }
    const { method, headers, url } = incoming;
    const outgoing = request(
      new URL(url ?? '/', backend),
      { agent, method, headers: withoutHops(headers) },
      (reply) => {
        answer.writeHead(reply.statusCode ?? 502, withoutHops(reply.headers));
        reply.pipe(answer);
        reply.once('error', () => answer.destroy());
      },
    );
    outgoing.once('error', (error) => fail(answer, 502, `${backend}: ${error.message}`));
    incoming.pipe(outgoing);
  }

  const probe = (backend: string): void => {
    get(`${backend}/readyz`, { agent: false, timeout: 1_000 }, (reply) => {
      reply.resume();
      if (reply.statusCode === 200) ready.add(backend);
      else ready.delete(backend);
    })
      .once('timeout', () => ready.delete(backend))
      .once('error', () => ready.delete(backend));
  };
  const probing = setInterval(() => backends.forEach(probe), PROBE_MS);
  const server = createServer(forward);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    serve(urls) {
      backends = urls;
    },
    get ready() {
      return [...ready];
    },
    async stop() {
      clearInterval(probing);
      agent.destroy();
      await close(server);
    },
  };
}

function fail(answer: ServerResponse, status: number, why: string): void {
  if (answer.headersSent) answer.destroy();
  else answer.writeHead(status, { 'content-type': 'text/plain' }).end(why);
}

function withoutHops(headers: IncomingMessage['headers']): IncomingMessage['headers'] {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !HOP_BY_HOP.includes(name)));
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
