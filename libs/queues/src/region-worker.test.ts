import { randomInt } from 'node:crypto';
import { connectTestRedis, deleteKeys, waitFor } from '@aegis/local-stack';
import { afterAll, afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { Worker } from 'bullmq';
import { JOB_NAMES, JOB_TICKS, type JobName } from './job-catalogue.js';
import { createRegionQueue, type RegionQueue } from './region-queue.js';
import { createRegionWorker, type RegionWorker } from './region-worker.js';

const redis = connectTestRedis();
const jobsRedis = connectTestRedis('jobs');
const blocking = connectTestRedis('jobs');
let region: string;
let prefix: string;
let queue: RegionQueue;
let worker: RegionWorker;
/** Runs in the order they began; each ends when the test says so. */
let runs: { job: JobName; end: (error?: Error) => void }[];
let began: (() => void) | undefined;
/** The test is: what a tick begins now ends by itself. */
let over: boolean;

afterAll(async () => {
  await Promise.all([redis, jobsRedis, blocking].map((client) => client.quit()));
});

beforeEach(() => {
  region = `us-test-${randomInt(1e9)}`;
  prefix = `{aegis:${region}}`;
  runs = [];
  over = false;
  queue = createRegionQueue({ region, prefix, connection: jobsRedis, ticks: { relay_expiry: 100 } });
  worker = createRegionWorker({
    prefix,
    connection: blocking,
    freshConnection: () => blocking,
    queue,
    onError: (error) => {
      throw error;
    },
    process: (job) =>
      new Promise((resolve, reject) => {
        if (over) return resolve();
        runs.push({ job, end: (error) => (error ? reject(error) : resolve()) });
        began?.();
      }),
  });
  worker.start();
});

afterEach(async () => {
  over = true;
  for (const run of runs) run.end();
  await worker.close();
  await queue.close();
  await deleteKeys(redis, `${prefix}*`);
});

/** Resolves when the n-th run (from 1) has begun. */
async function run(count: number): Promise<(typeof runs)[number]> {
  while (runs.length < count) {
    await new Promise<void>((resolve) => {
      began = resolve;
    });
  }
  const found = runs[count - 1];
  if (!found) throw new Error('no such run');
  return found;
}

test('however many triggers come while a run is active, one run follows it', async () => {
  await queue.trigger('relay_launch');
  const first = await run(1);
  for (let i = 0; i < 20; i++) await queue.trigger('relay_launch');
  expect(runs).toHaveLength(1);
  first.end();
  (await run(2)).end();
  await queue.trigger('relay_launch');
  (await run(3)).end();
  expect(runs.map(({ job }) => job)).toEqual(Array(3).fill('relay_launch'));
});

test('a run that failed is followed all the same', async () => {
  await queue.trigger('relay_launch');
  const first = await run(1);
  await queue.trigger('relay_launch');
  first.end(new Error('EC2 is away'));
  expect((await run(2)).job).toBe('relay_launch');
});

test('jobs of a region run beside each other', async () => {
  await queue.trigger('relay_launch');
  await run(1);
  await queue.trigger('relay_terminate');
  expect((await run(2)).job).toBe('relay_terminate');
});

test('a tick triggers its job, once however often the ticks are confirmed', async () => {
  for (let i = 0; i < 3; i++) await queue.ensureTicks(0.3);
  const jobs = new Set<string>();
  for (let count = 1; !jobs.has('relay_expiry'); count++) {
    const next = await run(count);
    jobs.add(next.job);
    next.end();
  }
  const schedulers = await redis.zcard(`${prefix}:jobs:repeat`);
  expect(schedulers).toBe(7);
});

test("regions' ticks fall where their phase puts them, and stay there", async () => {
  const fallsAt = async () => {
    const next = await redis.zscore(`${prefix}:jobs:repeat`, 'tick:orphan_sweep');
    return Number(next) % JOB_TICKS.orphan_sweep;
  };
  const own = JOB_NAMES.indexOf('orphan_sweep') / JOB_NAMES.length;
  await queue.ensureTicks(0.25);
  const expected = Math.floor(JOB_TICKS.orphan_sweep * ((0.25 + own) % 1));
  expect(await fallsAt()).toBe(expected);
  await queue.ensureTicks(0.25);
  expect(await fallsAt()).toBe(expected);
});

test('a tick whose time is still to come keeps nobody waiting', async () => {
  const elsewhere = `${prefix}:elsewhere`;
  const days = 1_000_000_000;
  const ticks = Object.fromEntries(JOB_NAMES.map((job) => [job, days]));
  const unserved = createRegionQueue({ region, prefix: elsewhere, connection: jobsRedis, ticks });
  try {
    await unserved.ensureTicks(0.5);
    expect(await redis.zcard(`${elsewhere}:jobs:delayed`)).toBe(JOB_NAMES.length);
    expect(await unserved.overdueSince('jobs')).toBeNull();
    const asked = Date.now();
    await unserved.trigger('relay_expiry');
    expect(await unserved.overdueSince('jobs')).toBeGreaterThanOrEqual(asked);
  } finally {
    await unserved.close();
  }
});

test('closing waits for the active run', async () => {
  await queue.trigger('relay_launch');
  const active = await run(1);
  let closed = false;
  const closing = worker.close().then(() => {
    closed = true;
  });
  await redis.ping();
  expect(closed).toBe(false);
  active.end();
  await closing;
});

test('the queue tells since when its oldest run waits for a worker', async () => {
  // A queue that no worker serves: a paused one may still take a run that it was waiting for.
  const unserved = createRegionQueue({ region, prefix: `${prefix}:unserved`, connection: jobsRedis });
  expect(await unserved.depth()).toMatchObject({ jobs: { waiting: 0 }, oldestWaitingAt: null });
  const before = Date.now();
  await unserved.trigger('relay_launch');
  await unserved.trigger('relay_terminate');
  const { jobs, oldestWaitingAt } = await unserved.depth();
  await unserved.close();
  expect(jobs.waiting).toBe(2);
  expect(oldestWaitingAt).toBeGreaterThanOrEqual(before);
  expect(oldestWaitingAt).toBeLessThanOrEqual(Date.now());
});

test('a worker that takes nothing although a job waits is replaced, and the job is run', async () => {
  // BullMQ leaves a timer behind when a worker is closed in the midst of its start: each has run something before.
  await queue.trigger('relay_launch');
  await queue.trigger('relay_terminate');
  for (const count of [1, 2]) (await run(count)).end();
  await worker.close();
  type Waits = { waitForJob(): Promise<number> };
  const hang = jest.spyOn(Worker.prototype as unknown as Waits, 'waitForJob');
  // Both queues' first look never comes back.
  for (let i = 0; i < 2; i++) hang.mockImplementationOnce(() => new Promise(() => {}));
  const told: string[] = [];
  worker = createRegionWorker({
    prefix,
    connection: blocking,
    freshConnection: () => blocking,
    patienceMs: 300,
    queue,
    onError: ({ message }) => told.push(message),
    process: (job) =>
      new Promise((resolve) => {
        runs.push({ job, end: () => resolve() });
        began?.();
      }),
  });
  worker.start();
  // A queue that has just been looked into is waited for with the next look.
  await waitFor('both to look', 15_000, async () => hang.mock.calls.length >= 2);
  await queue.trigger('relay_launch');
  await queue.trigger('relay_terminate');
  await run(4);
  expect(
    runs
      .slice(2)
      .map(({ job }) => job)
      .sort(),
  ).toEqual(['relay_launch', 'relay_terminate']);
  expect(told.some((message) => /^the worker of launch took nothing for \d+ ms and is replaced$/.test(message))).toBe(
    true,
  );
  hang.mockRestore();
});
