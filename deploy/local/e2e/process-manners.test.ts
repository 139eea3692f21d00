// How the real processes stop: asked once, asked twice, and by a fault of their own.

import type { FaultInput } from '@aegis/ec2-sim';
import type { ManagedProcess } from '@aegis/local-stack';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { waitFor } from '../src/wait-for.js';
import { type ApiAnswer, callApi } from './api-call.js';
import type { RelayAnswer } from './relay-client.js';
import { redisOf, startTroubleStack, type TroubleStack } from './trouble-stack.js';

const SHUTDOWN_MS = 6_000;
/** Gives the real apps a fault to have: nothing of theirs can be made to have one from outside. */
const REJECT_ON_SIGNAL = `process.on('SIGUSR2', () => { Promise.reject(new Error('nobody catches this')); })`;

let trouble: TroubleStack;
let api: ManagedProcess;
let jobs: ManagedProcess;

beforeAll(async () => {
  trouble = await startTroubleStack({
    env: {
      AEGIS_SHUTDOWN_TIMEOUT_SECONDS: String(SHUTDOWN_MS / 1_000),
      NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(REJECT_ON_SIGNAL)}`,
    },
  });
  const { stack } = trouble;
  [api, jobs] = [stack.api[0] as ManagedProcess, stack.jobs[0] as ManagedProcess];
}, 60_000);

afterAll(() => trouble?.stack.stop(), 30_000);

beforeEach(async () => {
  await trouble.sim.clearFaults();
  await Promise.all([api, jobs].map((app) => app.running || app.start()));
}, 30_000);

/** Sends SIGTERM and tells how the process ended, and how long that took. */
async function terminated(app: ManagedProcess) {
  const startedAt = performance.now();
  app.kill('SIGTERM');
  const exit = await app.exited();
  return { ...exit, tookMs: performance.now() - startedAt };
}

const lastLine = (app: ManagedProcess) => JSON.parse(app.lastLogs(1)[0] ?? '{}') as { message?: string };

/** A relay whose RunInstances call has met the fault that waits for it. */
async function launchUnderWay(kind: FaultInput['kind']): Promise<RelayAnswer> {
  await trouble.sim.fault({ operation: 'RunInstances', count: null, effect: 'done', kind });
  const relay = await trouble.relays.create({});
  await waitFor('RunInstances under way', 10_000, async () => (await trouble.sim.faults())[0]?.struck);
  return relay;
}

describe('jobs, told to stop', () => {
  test('records a launch that is under way before it ends, and says meanwhile that it stops', async () => {
    const ledger = await trouble.ledgerSeq();
    const relay = await launchUnderWay({ type: 'latency', ms: 3_000 });
    const ending = terminated(jobs);
    await waitFor('unready', 2_500, async () => (await fetch(`${jobs.url}/readyz`)).status === 503);
    expect(await (await fetch(`${jobs.url}/metrics`)).text()).toMatch(/^aegis_shutting_down 1$/m);
    const exit = await ending;
    expect(exit.code).toBe(0);
    expect(exit.tookMs).toBeLessThan(SHUTDOWN_MS);
    expect(lastLine(jobs)).toMatchObject({ message: 'stopped', clean: true });

    const { state, instanceId } = await trouble.relays.get(relay.id);
    expect(state).toMatch(/^(booting|active)$/);
    await jobs.start();
    expect(await trouble.relays.becomes(relay.id, 'active', 10_000)).toMatchObject({ instanceId });
    expect(await trouble.launchesSince(ledger)).toHaveLength(1);
  }, 30_000);

  test('does not wait for an EC2 that hangs; the launch is taken up by the next process', async () => {
    const ledger = await trouble.ledgerSeq();
    const relay = await launchUnderWay({ type: 'hang' });
    const exit = await terminated(jobs);
    expect(exit.code).toBe(0);
    expect(exit.tookMs).toBeLessThan(SHUTDOWN_MS);
    await trouble.sim.clearFaults();
    await jobs.start();
    await trouble.relays.becomes(relay.id, 'active', 10_000);
    expect(await trouble.launchesSince(ledger)).toHaveLength(1);
  }, 40_000);

  test('twice, ends at once; the launch is taken up by the next process', async () => {
    const ledger = await trouble.ledgerSeq();
    const relay = await launchUnderWay({ type: 'hang' });
    jobs.kill('SIGTERM');
    await waitFor('the stop has begun', 10_000, async () => (await fetch(`${jobs.url}/readyz`)).status === 503);
    const exit = await terminated(jobs);
    expect(exit.code).toBe(143);
    expect(exit.tookMs).toBeLessThan(SHUTDOWN_MS / 2);
    await trouble.sim.clearFaults();
    await jobs.start();
    await trouble.relays.becomes(relay.id, 'active', 20_000);
    expect(await trouble.launchesSince(ledger)).toHaveLength(1);
  }, 40_000);
});

describe('api, told to stop', () => {
  test('answers what it has accepted, ends streams and waits, and loses nothing it acknowledged', async () => {
    const admin = `${api.url}/api/v1/admin/freeze`;
    await callApi(admin, { method: 'PUT', body: { launch: true } });
    const waiting = callApi(trouble.relaysUrl, { method: 'POST', body: {}, headers: { prefer: 'wait=30' } });
    const watched = await trouble.relays.create({});
    const stream = await fetch(`${trouble.relaysUrl}/${watched.id}/events`, {
      headers: { authorization: 'Bearer aegis-local-dev-key', accept: 'text/event-stream' },
    });
    expect(stream.headers.get('content-type')).toContain('text/event-stream');
    const streamed = stream.text();
    const answers: ApiAnswer<RelayAnswer>[] = [];
    const over = new AbortController();
    const client = (async () => {
      while (!over.signal.aborted) answers.push(await callApi(trouble.relaysUrl, { method: 'POST', body: {} }));
    })();
    let exit: Awaited<ReturnType<typeof terminated>>;
    try {
      await waitFor('some answers', 15_000, async () => answers.length >= 5);
      exit = await terminated(api);
    } finally {
      over.abort();
      await client;
    }
    expect(exit).toMatchObject({ code: 0 });
    expect(exit.tookMs).toBeLessThan(SHUTDOWN_MS / 2);
    expect((await waiting).status).toBe(202);
    expect(await streamed).toContain('pending');

    await api.start();
    const acknowledged = [await waiting, ...answers].filter(({ status }) => status === 202);
    for (const { body } of acknowledged) expect(await trouble.relays.get(body.id)).toMatchObject({ state: 'pending' });
    await Promise.all(acknowledged.map(({ body }) => trouble.relays.remove(body.id)));
    await trouble.relays.remove(watched.id);
    await callApi(admin, { method: 'PUT', body: { launch: false } });
  }, 30_000);
});

test.each(['api', 'jobs'])(
  '%s ends with a failure after an unhandled rejection, and says which',
  async (name) => {
    const app = name === 'api' ? api : jobs;
    app.kill('SIGUSR2');
    expect(await app.exited()).toEqual({ code: 1, signal: null });
    expect(lastLine(app)).toMatchObject({
      level: 'error',
      message: 'fatal: unhandled rejection',
      error: { message: 'nobody catches this' },
    });
  },
  20_000,
);

test('without Redis both stop in order all the same', async () => {
  redisOf(trouble.stack).kill();
  await waitFor('Redis missed', 15_000, async () => (await fetch(`${api.url}/readyz`)).status === 503);
  for (const exit of await Promise.all([terminated(api), terminated(jobs)])) {
    expect(exit.code).toBe(0);
    expect(exit.tookMs).toBeLessThan(SHUTDOWN_MS / 2);
  }
  await redisOf(trouble.stack).restart();
}, 30_000);
