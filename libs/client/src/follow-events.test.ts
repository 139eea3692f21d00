import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from '@jest/globals';
import { createAegisClient } from './aegis-client.js';
import { ConnectionLostError, type FollowOptions, followEvents } from './follow-events.js';

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

/** An API whose nth answer is the nth of these, and the last one from then on. */
async function serve(...answers: ((response: ServerResponse, lastEventId: string) => void)[]): Promise<string> {
  let asked = 0;
  const listener: RequestListener = ({ headers }, response) => {
    const answer = answers[Math.min(asked++, answers.length - 1)];
    answer?.(response, String(headers['last-event-id']));
  };
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const open = (response: ServerResponse): void => {
  response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
};
const tell = (response: ServerResponse, seq: number, to: string): void => {
  response.write(`id: ${seq}\ndata: ${JSON.stringify({ seq, to })}\n\n`);
};
const cut = (response: ServerResponse): void => {
  response.destroy();
};

async function follow(url: string, options: FollowOptions) {
  const told: string[] = [];
  const client = createAegisClient({ baseUrl: url, key: 'key' });
  const whole = {
    retryMs: 10,
    onLost: () => told.push('lost'),
    onFound: () => told.push('found'),
    ...options,
  };
  const ended = (async () => {
    for await (const { to } of followEvents(client, 'rly_x', whole)) told.push(to);
  })();
  return { told, error: await ended.then(() => null).catch((error: unknown) => error) };
}

test('a broken stream is taken up where it broke; its loss is told once, and its return', async () => {
  const url = await serve(
    (response) => {
      open(response);
      tell(response, 1, 'pending');
      setTimeout(cut, 20, response);
    },
    cut,
    cut,
    (response, lastEventId) => {
      open(response);
      expect(lastEventId).toBe('1');
      tell(response, 2, 'failed');
    },
  );
  expect(await follow(url, {})).toEqual({ told: ['pending', 'lost', 'found', 'failed'], error: null });
});

test('a stream that the API ends of itself is no loss', async () => {
  const url = await serve(
    (response) => {
      open(response);
      tell(response, 1, 'pending');
      response.end();
    },
    (response) => response.writeHead(204).end(),
  );
  expect(await follow(url, {})).toEqual({ told: ['pending'], error: null });
});

test.each([
  ['refuses connections', cut],
  ['cannot serve', (response: ServerResponse) => response.writeHead(503).end()],
  ['does not answer', () => {}],
])('is given up in time when the API %s', async (_, answer) => {
  const startedAt = performance.now();
  const { told, error } = await follow(await serve(answer), { giveUpMs: 300 });
  expect(error).toBeInstanceOf(ConnectionLostError);
  // Of fetch's own realm: not an instance of this one's Error.
  expect((error as ConnectionLostError).cause).toHaveProperty('message', expect.stringMatching(/./));
  expect(performance.now() - startedAt).toBeGreaterThan(250);
  expect(told.filter((each) => each !== 'lost')).toEqual([]);
});

test('a stream that falls silent for too long is dead, and is tried again', async () => {
  const url = await serve(
    (response) => {
      open(response);
      tell(response, 1, 'pending');
    },
    (response) => {
      open(response);
      tell(response, 2, 'failed');
    },
  );
  const { told, error } = await follow(url, { silenceMs: 500 });
  expect({ told, error }).toEqual({ told: ['pending', 'lost', 'found', 'failed'], error: null });
});

test('a limit on requests is an answer: it is waited for, and is no loss', async () => {
  const limited = (response: ServerResponse): void => {
    response.writeHead(429, { 'retry-after': '1' }).end();
  };
  const url = await serve(...Array.from({ length: 3 }, () => limited), (response) => {
    open(response);
    tell(response, 1, 'failed');
  });
  expect(await follow(url, { giveUpMs: 2_000 })).toEqual({ told: ['failed'], error: null });
});

test('a refusal ends it at once', async () => {
  const { error } = await follow(await serve((response) => response.writeHead(404).end()), {});
  expect(error).toMatchObject({ name: 'ApiError', status: 404 });
});
