import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { HTTP_LIMITS } from './http-limits.js';
import { type HttpListener, type ListenerOptions, openListener } from './http-listener.js';
import { StartupError } from './startup-error.js';

const opened: HttpListener[] = [];

async function open(handler: RequestListener, limits?: ListenerOptions['limits']): Promise<HttpListener> {
  const options = { name: 'test', host: '127.0.0.1', port: 0, handler };
  const listener = await openListener(limits === undefined ? options : { ...options, limits });
  opened.push(listener);
  return listener;
}

/** Sends raw bytes; resolves with everything that came back until the server closed. */
async function exchange(listener: HttpListener, text: string): Promise<string> {
  const socket = connect(listener.port, '127.0.0.1');
  socket.write(text);
  return received(socket);
}

async function received(socket: Socket): Promise<string> {
  let answer = '';
  socket.on('data', (chunk: Buffer) => {
    answer += chunk.toString();
  });
  socket.on('error', () => {});
  await once(socket, 'close');
  return answer;
}

const ok: RequestListener = (_request, response) => void response.end('ok');

afterEach(() => {
  for (const listener of opened.splice(0)) listener.destroy();
});

describe('bad requests are answered with problem+json before any handler sees them', () => {
  const neverCalled: RequestListener = () => {
    throw new Error('the handler was called');
  };

  test.each([
    ['no HTTP at all', 'hello\r\n\r\n', 400, 'malformed_request'],
    ['a space in a header name', 'GET / HTTP/1.1\r\nHost: x\r\nA B: c\r\n\r\n', 400, 'malformed_request'],
    [
      'two lengths (request smuggling)',
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
      400,
      'malformed_request',
    ],
    ['no Host', 'GET / HTTP/1.1\r\n\r\n', 400, 'malformed_request'],
    ['a target that is no URL', 'GET http://[::bad/ HTTP/1.1\r\nHost: x\r\n\r\n', 400, 'malformed_request'],
    ['an expectation nobody meets', 'GET / HTTP/1.1\r\nHost: x\r\nExpect: more\r\n\r\n', 417, 'expectation_failed'],
    ['CONNECT', 'CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n', 405, 'method_not_allowed'],
    ['headers over 16 KiB', `GET / HTTP/1.1\r\nHost: x\r\nA: ${'a'.repeat(17_000)}\r\n\r\n`, 431, 'headers_too_large'],
  ])('%s', async (_name, request, status, code) => {
    const answer = await exchange(await open(neverCalled), request);
    const [head = '', body = ''] = answer.split('\r\n\r\n');
    expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(head).toMatch(/Content-Type: application\/problem\+json/);
    const [, requestId = ''] = /^X-Request-Id: ([0-9a-f-]{36})$/m.exec(head) ?? [];
    expect(requestId).not.toBe('');
    expect(JSON.parse(body)).toMatchObject({ status, code, requestId });
  });

  test('a client that sends its headers too slowly', async () => {
    const limits = { headersTimeout: 50, requestTimeout: 100, connectionsCheckingInterval: 20 };
    const answer = await exchange(await open(neverCalled, limits), 'GET / HTTP/1.1\r\nHost: x\r\n');
    expect(answer).toMatch(/^HTTP\/1\.1 408 /);
    expect(answer).toContain('"code":"request_timeout"');
  });

  test('a client that sends its body too slowly is cut off, and nothing follows the answer it already has', async () => {
    const listener = await open(
      (_request, response) => {
        response.writeHead(200, { 'Content-Type': 'text/plain' });
        response.write('early answer');
      },
      { headersTimeout: 50, requestTimeout: 100, connectionsCheckingInterval: 20 },
    );
    const answer = await exchange(listener, 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc');
    expect(answer).toContain('early answer');
    expect(answer).not.toContain('request_timeout');
  });
});

test('slow clients are looked for more often than their time-outs last', () => {
  expect(HTTP_LIMITS.connectionsCheckingInterval).toBeLessThan(HTTP_LIMITS.headersTimeout);
  expect(HTTP_LIMITS.headersTimeout).toBeLessThan(HTTP_LIMITS.requestTimeout);
});

test('an answer may take longer than a request: only the receiving is limited', async () => {
  const listener = await open((_request, response) => void setTimeout(() => response.end('late'), 200), {
    headersTimeout: 30,
    requestTimeout: 60,
    connectionsCheckingInterval: 10,
  });
  expect(await (await fetch(listener.url)).text()).toBe('late');
});

test('closing ends a busy keep-alive connection as soon as its answer has left', async () => {
  let finish = (): void => {};
  const listener = await open((_request, response) => {
    response.write('first ');
    finish = () => response.end('last');
  });
  const socket = connect(listener.port, '127.0.0.1');
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  await once(socket, 'data');
  const answer = received(socket);
  const closed = listener.close();
  finish();
  expect(await answer).toContain('last');
  await closed;
});

describe('an address that cannot be had is refused with one line that says what to do', () => {
  const refusal = async (options: Partial<ListenerOptions>): Promise<string> => {
    const settings = { host: 'AEGIS_API_HOST', port: 'AEGIS_API_PORT' };
    const error = await openListener({
      name: 'api',
      host: '127.0.0.1',
      port: 0,
      handler: ok,
      settings,
      ...options,
    }).then(
      () => null,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(StartupError);
    return (error as Error).message;
  };

  test('a port that is taken', async () => {
    const { port } = await open(ok);
    expect(await refusal({ port })).toBe(
      `api: port ${port} on 127.0.0.1 is taken: stop the process that uses it, or set AEGIS_API_PORT to a free one`,
    );
  });

  test.each(['192.0.2.1', 'no-such-host.invalid'])('the address %s of another machine', async (host) => {
    expect(await refusal({ host })).toBe(
      `api: ${host} is no address of this machine: set AEGIS_API_HOST to one that is, such as 127.0.0.1`,
    );
  });
});
