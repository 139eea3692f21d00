import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';

/** One alert of one of Alertmanager's messages, with the time it arrived (Unix ms). */
export interface Notification {
  at: number;
  path: string;
  status: 'firing' | 'resolved';
  labels: Record<string, string>;
  annotations: Record<string, string>;
}

/** Stands in for the pager and the ticket system that alertmanager.yml names. */
export interface WebhookReceiver {
  readonly port: number;
  /** In order of arrival. */
  readonly notifications: readonly Notification[];
  stop(): Promise<void>;
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) text += chunk;
  return text;
}

export async function startWebhookReceiver(port: number): Promise<WebhookReceiver> {
  const notifications: Notification[] = [];
  const server = createServer(async (request, response) => {
    const { alerts } = JSON.parse(await bodyOf(request)) as { alerts: Omit<Notification, 'at' | 'path'>[] };
    const at = Date.now();
    for (const alert of alerts) notifications.push({ ...alert, at, path: request.url ?? '' });
    response.end();
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    port,
    notifications,
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
