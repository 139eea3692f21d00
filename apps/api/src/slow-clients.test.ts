import { connect, type Socket } from 'node:net';
import { testRedisUrl } from '@aegis/local-stack';
import { createLogger } from '@aegis/logging';
import { createService, type Service } from '@aegis/service';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { composeApi } from './compose.js';
import { KEYS, testConfig } from './testing/test-config.js';

/**
 * The product's limits in a hundredth of their time; with `AEGIS_TEST_REAL_LIMITS=1` the very limits themselves, which takes
 * a minute.
 */
const REAL = process.env.AEGIS_TEST_REAL_LIMITS === '1';
const SCALE = REAL ? 100 : 1;
const LIMITS = REAL ? {} : { headersTimeout: 100, requestTimeout: 300, connectionsCheckingInterval: 20 };
const TIMEOUT_MS = 20_000 + (REAL ? 60_000 : 0);

let service: Service;
let url: URL;

beforeAll(async () => {
  const config = testConfig(testRedisUrl('api'), {});
  const parts = composeApi({ config, logger: createLogger({ level: 'error', app: 'api' }) });
  service = createService({ ...parts, listeners: parts.listeners.map((each) => ({ ...each, limits: LIMITS })) });
  await service.start();
  url = new URL(service.listeners.get('api')?.url ?? '');
});
afterAll(() => service.stop());

/** Sends a text a piece at a time, for as long as the server listens; answers what came back. */
function drip(text: string, pieceMs: number): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    const socket: Socket = connect({ host: url.hostname, port: Number(url.port) });
    const pieces = text.match(/[\s\S]{1,4}/g)?.values();
    const timer = setInterval(() => {
      const piece = pieces?.next();
      if (piece && !piece.done) socket.write(piece.value);
    }, pieceMs);
    socket.on('data', (chunk) => {
      answer += chunk;
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      clearInterval(timer);
      resolve(answer);
    });
  });
}

const POST = `POST /api/v1/relays HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${KEYS.acme}\r\n`;

test(
  'headers that come a few bytes at a time are cut off with 408',
  async () => {
    expect(await drip(`${POST}${'X-Slow: 1\r\n'.repeat(100)}`, 10 * SCALE)).toMatch(
      /^HTTP\/1.1 408 [\s\S]*X-Request-Id: [\s\S]*"code":"request_timeout"/,
    );
  },
  TIMEOUT_MS,
);

test(
  'a body that comes a few bytes at a time is cut off',
  async () => {
    const body = `Content-Type: application/json\r\nContent-Length: 4000\r\n\r\n`;
    const startedAt = performance.now();
    const answer = await drip(POST + body + ' '.repeat(4_000), 5 * SCALE);
    expect(performance.now() - startedAt).toBeLessThan(REAL ? 40_000 : 3_000);
    expect(answer).not.toMatch(/^HTTP\/1.1 2/);
  },
  TIMEOUT_MS,
);

test(
  'many slow clients keep nobody else waiting',
  async () => {
    const slow = Array.from({ length: 200 }, () => drip(`${POST}${'X-Slow: 1\r\n'.repeat(50)}`, 20 * SCALE));
    const answer = await fetch(new URL('/api/v1/relays', url), {
      method: 'POST',
      headers: { authorization: `Bearer ${KEYS.acme}` },
    });
    expect(answer.status).toBe(202);
    await Promise.all(slow);
  },
  TIMEOUT_MS,
);
