import { once } from 'node:events';
import { createServer } from 'node:http';

export interface MetadataService {
  readonly url: string;
  stop(): Promise<void>;
}

/** An instance's metadata endpoint as IMDSv2 alone is: a session token by PUT first, then GET with it. */
export async function startMetadataService(instanceId: string): Promise<MetadataService> {
  const sessions = new Set<string>();
  const server = createServer((request, response) => {
    const { method, url, headers } = request;
    if (method === 'PUT' && url === '/latest/api/token') {
      // EC2 refuses a token that was asked for through a proxy, or without its time to live.
      const ttl = Number(headers['x-aws-ec2-metadata-token-ttl-seconds']);
      if (headers['x-forwarded-for'] !== undefined || !(ttl >= 1 && ttl <= 21_600))
        return response.writeHead(400).end();
      const token = `imds-${Math.random().toString(36).slice(2)}==`;
      sessions.add(token);
      return response.end(token);
    }
    if (!sessions.has(String(headers['x-aws-ec2-metadata-token'])))
      return response.writeHead(401).end('<html>401</html>');
    if (url === '/latest/meta-data/instance-id') return response.end(instanceId);
    return response.writeHead(404).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no TCP address');
  return {
    url: `http://127.0.0.1:${address.port}`,
    async stop() {
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
