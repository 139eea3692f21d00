import { Writable } from 'node:stream';
import { createLogger } from '@aegis/logging';
import { afterEach, expect, test } from '@jest/globals';
import { type HttpListener, openListener } from './http-listener.js';
import { createOperationsHandler } from './operations-handler.js';
import { createReadiness, type ReadinessCheck } from './readiness.js';

let log: string[] = [];
let listener: HttpListener | undefined;
const logger = createLogger({
  level: 'debug',
  app: 'test',
  stream: new Writable({
    write(chunk: Buffer, _encoding, done) {
      log.push(JSON.parse(chunk.toString()).message);
      done();
    },
  }),
});

afterEach(() => {
  log = [];
  listener?.destroy();
});

function readinessOf(checks: ReadinessCheck[], timeoutMs = 1_000) {
  const readiness = createReadiness({ logger, checks, timeoutMs });
  readiness.markReady();
  return readiness;
}

test('starting, then ready, then draining; draining is final and aborts its signal', async () => {
  const readiness = createReadiness({ logger, checks: [{ name: 'redis', check: async () => 'PONG' }] });
  expect(await readiness.report()).toEqual({ status: 'starting', checks: {} });
  readiness.markReady();
  expect(await readiness.report()).toEqual({ status: 'ready', checks: { redis: 'ok' } });
  expect(readiness.draining.aborted).toBe(false);
  readiness.beginDrain();
  readiness.markReady();
  expect(await readiness.report()).toEqual({ status: 'draining', checks: {} });
  expect(readiness.draining.aborted).toBe(true);
});

test('one check that fails or hangs makes it unready, within the time limit, and each is told', async () => {
  const readiness = readinessOf(
    [
      { name: 'fine', check: async () => {} },
      { name: 'broken', check: () => Promise.reject(new Error('no')) },
      {
        name: 'throwing',
        check: () => {
          throw new Error('no');
        },
      },
      { name: 'hanging', check: () => new Promise(() => {}) },
    ],
    50,
  );
  expect(await readiness.report()).toEqual({
    status: 'unready',
    checks: { fine: 'ok', broken: 'failed', throwing: 'failed', hanging: 'timeout' },
  });
});

test('a check is logged when it changes, not each time it is asked', async () => {
  let broken = true;
  const readiness = readinessOf([
    { name: 'redis', check: async () => (broken ? Promise.reject(new Error('no')) : 'PONG') },
  ]);
  await readiness.report();
  await readiness.report();
  broken = false;
  await readiness.report();
  await readiness.report();
  expect(log).toEqual(['readiness check fails', 'readiness check passes again']);
});

test('many who ask at once share one run of the checks', async () => {
  let runs = 0;
  const check = async () => {
    runs += 1;
  };
  const readiness = readinessOf([{ name: 'redis', check }]);
  await Promise.all(Array.from({ length: 50 }, () => readiness.report()));
  expect(runs).toBe(1);
  await readiness.report();
  expect(runs).toBe(2);
});

test('the operations listener serves probes and metrics, and nothing else', async () => {
  let broken = false;
  const readiness = readinessOf([
    { name: 'redis', check: async () => (broken ? Promise.reject(new Error('secret')) : 'PONG') },
  ]);
  const metrics = async (request: { url?: string | undefined }, response: { end(text: string): unknown }) => {
    if (request.url === '/metrics?fail') throw new Error('a defect');
    response.end('aegis_up 1\n');
  };
  const handler = createOperationsHandler({ readiness, logger, metrics });
  listener = await openListener({ name: 'operations', host: '127.0.0.1', port: 0, handler });
  const ask = async (path: string, method = 'GET') => {
    const response = await fetch(`${listener?.url}${path}`, { method });
    return { status: response.status, type: response.headers.get('content-type'), body: await response.text() };
  };

  expect(await ask('/healthz')).toEqual({ status: 200, type: 'application/json', body: '{"status":"ok"}' });
  expect(await ask('/readyz')).toMatchObject({ status: 200, body: '{"status":"ready","checks":{"redis":"ok"}}' });
  expect(await ask('/readyz?x=1', 'HEAD')).toMatchObject({ status: 200, body: '' });
  expect(await ask('/metrics')).toMatchObject({ status: 200, body: 'aegis_up 1\n' });
  broken = true;
  expect(await ask('/readyz')).toMatchObject({ status: 503, body: '{"status":"unready","checks":{"redis":"failed"}}' });
  expect(await ask('/healthz')).toMatchObject({ status: 200 });

  const problem = { type: 'application/problem+json' };
  expect(await ask('/')).toMatchObject({
    ...problem,
    status: 404,
    body: expect.stringContaining('"code":"not_found"'),
  });
  expect(await ask('/metrics', 'POST')).toMatchObject({ ...problem, status: 405 });
  expect(await ask('/metrics?fail')).toMatchObject({
    ...problem,
    status: 500,
    body: expect.not.stringContaining('defect'),
  });
  expect(log).toContain('operations page failed');
});
