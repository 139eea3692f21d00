import type { RequestListener } from 'node:http';
import { Writable } from 'node:stream';
import { createLogger } from '@aegis/logging';
import { expect, test } from '@jest/globals';
import { createReadiness } from './readiness.js';
import { createService, type ServiceParts } from './service.js';
import { StartupError } from './startup-error.js';

const logger = createLogger({ level: 'error', app: 'test', stream: new Writable({ write: (_c, _e, done) => done() }) });

function parts(steps: string[], overrides: Partial<ServiceParts> = {}): ServiceParts {
  const step = (name: string) => async () => void steps.push(name);
  return {
    logger,
    readiness: createReadiness({ logger, checks: [] }),
    listeners: [{ name: 'main', host: '127.0.0.1', port: 0, handler: (_request, response) => void response.end('ok') }],
    shutdownTimeoutMs: 5_000,
    prepare: step('prepare'),
    start: step('start'),
    stopIntake: step('stopIntake'),
    drain: step('drain'),
    close: step('close'),
    ...overrides,
  };
}

test('a service is ready once started, serves, and stops once however often it is asked', async () => {
  const steps: string[] = [];
  const given = parts(steps);
  const service = createService(given);
  await service.start();
  expect((await given.readiness.report()).status).toBe('ready');
  const url = service.listeners.get('main')?.url ?? '';
  expect(await (await fetch(url)).text()).toBe('ok');

  const results = await Promise.all([service.stop(), service.stop()]);
  expect(results).toEqual([{ clean: true }, { clean: true }]);
  expect(steps).toEqual(['prepare', 'start', 'stopIntake', 'drain', 'close']);
  await expect(fetch(url)).rejects.toThrow();
});

test('nothing listens before it is prepared, and work starts only once it listens', async () => {
  const seen: number[] = [];
  const service = createService(
    parts([], {
      prepare: async () => void seen.push(service.listeners.size),
      start: async () => void seen.push(service.listeners.size),
    }),
  );
  await service.start();
  expect(seen).toEqual([0, 1]);
  await service.stop();
});

test('a start that fails tells why, closes what it opened, and rejects with the reason', async () => {
  const steps: string[] = [];
  const fault = new StartupError('no');
  const service = createService(parts(steps, { start: () => Promise.reject(fault) }));
  await expect(service.start((error) => steps.push(`told ${(error as Error).message}`))).rejects.toBe(fault);
  expect(steps).toEqual(['prepare', 'told no', 'stopIntake', 'drain', 'close']);
  await expect(fetch(service.listeners.get('main')?.url ?? '')).rejects.toThrow();
});

test('what drains side by side is all waited for, even when one part fails', async () => {
  const steps: string[] = [];
  const handler: RequestListener = (_request, response) => {
    response.once('close', () => steps.push('answered'));
    void service.stop();
    setTimeout(() => response.end('done'), 50);
  };
  const service = createService(
    parts(steps, {
      listeners: [{ name: 'main', host: '127.0.0.1', port: 0, handler }],
      drain: () => Promise.reject(new Error('a worker is stuck')),
    }),
  );
  await service.start();
  expect(await (await fetch(service.listeners.get('main')?.url ?? '')).text()).toBe('done');
  expect(await service.stop()).toEqual({ clean: false });
  expect(steps).toEqual(['prepare', 'start', 'stopIntake', 'answered', 'close']);
});
