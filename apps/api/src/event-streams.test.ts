import { connect } from 'node:net';
import { createAegisClient, followEvents } from '@aegis/client';
import { connectTestRedis, testRedisUrl, waitFor } from '@aegis/local-stack';
import type { RedisClient } from '@aegis/relays';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startTestApi, type TestApi } from './testing/test-api.js';
import { KEYS } from './testing/test-config.js';
import { createTestFleet, type TestFleet } from './testing/test-fleet.js';

let api: TestApi;
let fleet: TestFleet;
let redis: RedisClient;

beforeAll(async () => {
  const url = testRedisUrl('api');
  redis = connectTestRedis();
  api = await startTestApi(url, {}, undefined, { streams: { keepAliveMs: 100, stallMs: 300, maxOpen: 3 } });
  fleet = createTestFleet(api);
});
afterAll(async () => {
  await Promise.all([fleet.close(), redis.quit()]);
  await api.stop();
});

const create = async (): Promise<string> => (await api.ask('POST', '/api/v1/relays')).body.id;
const end = (id: string) => api.ask('DELETE', `/api/v1/relays/${id}`);
const STREAM = { accept: 'text/event-stream' };

/** A stream as it comes, read piece by piece. */
async function openStream(id: string, headers: Record<string, string> = {}, at = api) {
  const abort = new AbortController();
  const response = await fetch(`${at.url}/api/v1/relays/${id}/events`, {
    headers: { authorization: `Bearer ${KEYS.acme}`, ...STREAM, ...headers },
    signal: abort.signal,
  });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  return {
    response,
    /** Reads on until the text matches. */
    async until(pattern: RegExp): Promise<string> {
      while (!pattern.test(text)) {
        const piece = await reader?.read();
        if (!piece || piece.done) throw new Error(`the stream ended with ${JSON.stringify(text)}`);
        text += piece.value;
      }
      return text;
    },
    async rest(): Promise<string> {
      for (;;) {
        const piece = await reader?.read();
        if (!piece || piece.done) return text;
        text += piece.value;
      }
    },
    close: () => abort.abort(),
  };
}

async function metric(line: string): Promise<number> {
  const page = await (await fetch(`${api.url}/metrics`)).text();
  return Number(new RegExp(`^${line.replaceAll(/[{}"]/g, '\\$&')} (\\S+)$`, 'm').exec(page)?.[1]);
}

async function untilStreams(count: number): Promise<void> {
  await waitFor(`${count} open streams`, 15_000, async () => (await metric('aegis_http_streams')) === count);
}

describe('a stream of events', () => {
  test('tells the story so far, then each step as it happens, and ends with the relay', async () => {
    const id = await create();
    const stream = await openStream(id);
    expect(stream.response.headers.get('content-type')).toBe('text/event-stream');
    expect(stream.response.headers.get('x-accel-buffering')).toBe('no');
    expect(await stream.until(/"pending".*\n\n/)).toMatch(/^retry: 1000\n\nid: 1\ndata: \{"time":/);
    const { instanceId } = await fleet.launch(id);
    await stream.until(/id: 3\n.*"to":"booting".*"awsRequestId":"aws-request-1"/);
    await end(id);
    await fleet.gone(id, instanceId);
    const text = await stream.rest();
    const told = [...text.matchAll(/^id: (\d+)\ndata: (.*)$/gm)].map(([, seq, data]) => [
      seq,
      JSON.parse(data ?? '').to,
    ]);
    expect(told).toEqual([
      ['1', 'pending'],
      ['2', 'launching'],
      ['3', 'booting'],
      ['4', 'terminating'],
      ['5', 'terminated'],
    ]);
  });

  test('goes on after Last-Event-ID, and says when there is nothing left', async () => {
    const id = await create();
    await end(id);
    const resumed = await openStream(id, { 'last-event-id': '1' });
    expect(await resumed.rest()).toMatch(/^retry: 1000\n\nid: 2\n.*"terminated".*\n\n$/);
    const over = await openStream(id, { 'last-event-id': '2' });
    expect(over.response.status).toBe(204);
    const wrong = await api.ask('GET', `/api/v1/relays/${id}/events`, { headers: { ...STREAM, 'last-event-id': 'x' } });
    expect(wrong).toMatchObject({ status: 400, body: { code: 'invalid_header' } });
  });

  test('begins anew when the story does, because the store was lost', async () => {
    const id = await create();
    await fleet.launch(id);
    const stream = await openStream(id, { 'last-event-id': '3' });
    const events = `{aegis:${api.region}}:events:${id}`;
    await stream.until(/: alive/);
    await redis.set(events, 'b1000|rebuilt');
    await redis.publish(`{aegis:${api.region}}:feed`, id);
    expect(await stream.until(/id: 1\n.*\n\n/)).toMatch(/"reason":"rebuilt"/);
    stream.close();
  });

  test('says now and then that it is alive', async () => {
    const stream = await openStream(await create());
    await stream.until(/: alive\n\n(.|\n)*: alive\n\n/);
    stream.close();
  });

  test("is nobody else's, and is not opened for who only asks for its head", async () => {
    const id = await create();
    const foreign = await api.ask('GET', `/api/v1/relays/${id}/events`, { headers: STREAM, key: KEYS.rival });
    expect(foreign).toMatchObject({ status: 404, body: { code: 'relay_not_found' } });
    const head = await fetch(`${api.url}/api/v1/relays/${id}/events`, {
      method: 'HEAD',
      headers: { authorization: `Bearer ${KEYS.acme}`, ...STREAM },
    });
    expect(head.headers.get('content-type')).toBe('text/event-stream');
  });

  test('is refused when as many are open as the process can carry', async () => {
    await untilStreams(0);
    const id = await create();
    const streams = [await openStream(id), await openStream(id), await openStream(id)];
    expect(await metric('aegis_http_streams')).toBe(3);
    const refused = await api.ask('GET', `/api/v1/relays/${id}/events`, { headers: STREAM });
    expect(refused).toMatchObject({ status: 503, body: { code: 'too_many_streams' } });
    expect(refused.headers.get('retry-after')).toBe('5');
    for (const stream of streams) stream.close();
    await untilStreams(0);
    (await openStream(id)).close();
  });

  test('ends when the process is about to', async () => {
    const other = await startTestApi(api.config.redisUrl, {}, api.config);
    const stream = await openStream(await create(), {}, other);
    await stream.until(/"pending"/);
    await other.stop();
    expect(await stream.rest()).toContain('"pending"');
  });
});

test('a client that does not read is cut off, and nothing is kept for it', async () => {
  await untilStreams(0);
  const id = await create();
  // 40 MB as JSON: more than the kernel takes for both sockets, however far it lets their buffers grow.
  const line = `p1|${'\u0001'.repeat(20_000)}`;
  await redis.set(`{aegis:${api.region}}:events:${id}`, Array.from({ length: 340 }, () => line).join('\n'));
  const dropped = () => metric('aegis_events_dropped_total{sink="sse"}');
  const before = await dropped();
  let client = openUnread(id);
  await waitFor('it to be cut off', 40_000, async () => {
    if ((await dropped()) > before) return true;
    // A machine so busy that the story is not read in time ends a stream as well.
    if (Date.now() - client.since > 2_000 && (await metric('aegis_http_streams')) === 0) {
      client.socket.destroy();
      client = openUnread(id);
    }
    throw new Error(`${await metric('aegis_http_streams')} streams are open`);
  });
  await untilStreams(0);
  const memory = process.memoryUsage().rss;
  client.socket.resume();
  await client.closed;
  expect(client.socket.bytesRead).toBeLessThan(40_000_000);
  expect(memory).toBeLessThan(1_000_000_000);
  await redis.del(`{aegis:${api.region}}:events:${id}`);
}, 60_000);

/** Asks for a stream and reads nothing of it. */
function openUnread(id: string) {
  const { hostname, port } = new URL(api.url);
  const socket = connect({ host: hostname, port: Number(port) });
  socket.pause();
  socket.on('error', () => {});
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.write(
    `GET /api/v1/relays/${id}/events HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n` +
      `Authorization: Bearer ${KEYS.acme}\r\n\r\n`,
  );
  return { socket, closed, since: Date.now() };
}

test('the typed client follows a relay over broken streams', async () => {
  const first = await startTestApi(api.config.redisUrl, {}, api.config);
  const client = createAegisClient({
    baseUrl: 'http://aegis',
    key: KEYS.acme,
    // The first connection leads to a replica that goes away, later ones to the other.
    fetch: async (input) => {
      const request = input as Request;
      const at = request.headers.get('last-event-id') === '0' ? first.url : api.url;
      return fetch(new Request(request.url.replace('http://aegis', at), request));
    },
  });
  const id = await create();
  const seen: string[] = [];
  for await (const event of followEvents(client, id, { retryMs: 10 })) {
    seen.push(`${event.seq} ${event.to}`);
    if (event.to === 'pending') {
      void first.stop();
      void end(id);
    }
  }
  expect(seen).toEqual(['1 pending', '2 terminated']);
});
