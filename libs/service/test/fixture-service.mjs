// A process on the built service shell, for tests that send real signals. Its one argument is JSON; what it does is in its log.
import { createServer } from 'node:net';
import { createLogger } from '@aegis/logging';
import { createOperationsHandler, createReadiness, runService, StartupError } from '@aegis/service';

const plan = JSON.parse(process.argv[2] ?? '{}');
const logger = createLogger({ level: 'debug', app: 'fixture' });
const readiness = createReadiness({ logger, checks: [] });
const step = (name) => async () => {
  logger.info(`step ${name}`);
  if (plan.slow === name) await new Promise((resolve) => setTimeout(resolve, plan.slowMs ?? 60_000));
  if (plan.fails === name) throw new Error(`${name} fails`);
};

/** Answers on the word of a test: `/slow` ends at a SIGUSR2. */
let go;
const released = new Promise((resolve) => {
  go = resolve;
});
process.on('SIGUSR2', go);
const failure = new AbortController();

async function answer(request, response) {
  if (request.url === '/throw')
    return void setImmediate(() => {
      throw new Error('thrown in a callback');
    });
  if (request.url === '/reject') return void Promise.reject(new Error('rejected by nobody'));
  if (request.url === '/fail') failure.abort(new StartupError('the store is another one: do this'));
  if (request.url === '/slow') {
    logger.info('slow request in hand');
    await released;
  }
  response.end(`answer to ${request.url}`);
}

await runService({
  name: 'fixture',
  compose: () => {
    if (plan.composeFault === 'operator') {
      throw Object.assign(new Error('first fault\nsecond fault'), { forOperator: true });
    }
    if (plan.composeFault === 'defect') throw new TypeError('a defect');
    return {
      logger,
      readiness,
      failed: failure.signal,
      shutdownTimeoutMs: plan.shutdownTimeoutMs ?? 10_000,
      drainDelayMs: plan.drainDelayMs ?? 0,
      listeners: [
        {
          name: 'main',
          host: '127.0.0.1',
          port: plan.port ?? 0,
          handler: answer,
          settings: { host: 'X_HOST', port: 'X_PORT' },
        },
        {
          name: 'operations',
          host: '127.0.0.1',
          port: 0,
          closesLast: true,
          handler: createOperationsHandler({
            readiness,
            logger,
            metrics: (_, response) => response.end('aegis_up 1\n'),
          }),
        },
      ],
      prepare: async () => {
        await step('prepare')();
        if (plan.refuses) throw new StartupError('redis is not fit: do this');
      },
      start: async () => {
        // Something that keeps the event loop alive for ever: only an exit ends this process.
        createServer().listen(0, '127.0.0.1');
        await step('start')();
      },
      stopIntake: step('stopIntake'),
      drain: step('drain'),
      close: step('close'),
    };
  },
});
