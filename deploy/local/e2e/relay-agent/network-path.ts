import { once } from 'node:events';
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';

/** `open`: passes all on. `cut`: breaks every connection. `portal`: somebody on the way answers 410 with a page of his. */
export type PathState = 'open' | 'cut' | 'portal';

/** What lies between one relay and the api. */
export interface NetworkPath {
  readonly url: string;
  /** `POST /api/v1/checkins 200`, in order; requests that got nowhere are not in it. */
  readonly answered: readonly string[];
  /** Requests that the portal answered so far. */
  readonly misled: number;
  state: PathState;
  stop(): Promise<void>;
}

export async function openNetworkPath(apiUrl: string): Promise<NetworkPath> {
  const answered: string[] = [];
  let misled = 0;
  const server = createServer((request, response) => {
    if (path.state === 'cut') return request.socket.destroy();
    if (path.state === 'portal') {
      misled += 1;
      return response.writeHead(410, { 'content-type': 'text/html' }).end('<p>{"code":"relay_gone"}</p>');
    }
    return passOn(request, response, { apiUrl, answered });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no TCP address');
  const path: NetworkPath = {
    url: `http://127.0.0.1:${address.port}`,
    answered,
    get misled() {
      return misled;
    },
    state: 'open',
    async stop() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
  return path;
}

function passOn(
  request: IncomingMessage,
  response: ServerResponse,
  { apiUrl, answered }: { apiUrl: string; answered: string[] },
): void {
  const { method = '', url = '', headers } = request;
  const onward = httpRequest(apiUrl + url, { method, headers }, (answer) => {
    answered.push(`${method} ${url} ${answer.statusCode}`);
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  });
  onward.on('error', () => response.destroy());
  request.pipe(onward);
}
