import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';

export interface PlaneRequest {
  path: string;
  authorization: string | undefined;
  body: unknown;
}
export type PlaneAnswer = { status: number; body?: object };

/** What agents talk to: records each request and answers as the test says. */
export interface FakeControlPlane {
  readonly url: string;
  readonly requests: PlaneRequest[];
  /** Connections opened so far. */
  readonly connections: number;
  answer: (request: PlaneRequest) => PlaneAnswer | 'cut';
  stop(): Promise<void>;
}

export async function startFakeControlPlane(): Promise<FakeControlPlane> {
  let connections = 0;
  const requests: PlaneRequest[] = [];
  const server = createServer((request, response) => {
    void readJson(request).then((body) => {
      const seen = { path: request.url ?? '', authorization: request.headers.authorization, body };
      requests.push(seen);
      const answer = plane.answer(seen);
      if (answer === 'cut') response.destroy();
      else response.writeHead(answer.status).end(answer.body === undefined ? '' : JSON.stringify(answer.body));
    });
  });
  server.on('connection', () => {
    connections += 1;
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no TCP address');
  const plane: FakeControlPlane = {
    url: `http://127.0.0.1:${address.port}`,
    requests,
    get connections() {
      return connections;
    },
    answer: () => ({ status: 503 }),
    async stop() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
  return plane;
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) if (Buffer.isBuffer(chunk)) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString('utf8'));
}

/** User data as the control plane writes it, base64. */
export function agentUserData(controlPlaneUrl: string, overrides: object = {}): string {
  const config = {
    controlPlaneUrl,
    region: 'us-east-1',
    launchToken: 'lt_token',
    heartbeatSeconds: 10,
    silenceLimitSeconds: 120,
    ...overrides,
  };
  const lines = ['#cloud-config', 'write_files:', '  - path: /etc/aegis/agent.json', '    content: |'];
  return Buffer.from([...lines, `      ${JSON.stringify(config)}`, ''].join('\n')).toString('base64');
}
