import { createLogger } from '@aegis/logging';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { createTickKeeper, type TickKeeper } from './tick-keeper.js';

const REGIONS = ['us-east-1', 'eu-west-1'];

let asked: string[];
let inDoubt: Set<string>;
let keeper: TickKeeper;

beforeEach(async () => {
  jest.useFakeTimers();
  asked = [];
  inDoubt = new Set();
  const queues = new Map(
    REGIONS.map((region) => [
      region,
      {
        ensureTicks: async () => void asked.push(`ticks ${region}`),
        trigger: async (job: string) => void asked.push(`${job} ${region}`),
      },
    ]),
  );
  const store = { isVerified: async (region: string) => !inDoubt.has(region) };
  keeper = createTickKeeper({ queues, store, logger: createLogger({ level: 'error', app: 'jobs' }) });
  await keeper.start();
  asked.splice(0);
});
afterEach(() => {
  keeper.stop();
  jest.useRealTimers();
});

test('a region whose store came into doubt is swept at once, and gets its ticks back; the others are left alone', async () => {
  await jest.advanceTimersByTimeAsync(2_000);
  expect(asked).toEqual([]);
  const doubtful = 'eu-west-1';
  inDoubt.add(doubtful);
  await jest.advanceTimersByTimeAsync(2_000);
  expect(asked).toEqual([`ticks ${doubtful}`, `orphan_sweep ${doubtful}`]);
});

test('a Redis that does not take the ticks at the start is asked again', async () => {
  keeper.stop();
  let fails = true;
  const ensureTicks = async () => {
    if (fails) throw new Error('Command timed out');
    asked.push('ticks');
  };
  const queues = new Map([['us-east-1', { ensureTicks, trigger: async () => undefined }]]);
  const logger = createLogger({ level: 'error', app: 'jobs' });
  keeper = createTickKeeper({ queues, store: { isVerified: async () => true }, logger });
  await keeper.start();
  fails = false;
  await jest.advanceTimersByTimeAsync(10_000);
  expect(asked).toEqual(['ticks']);
});

test('every region has its ticks confirmed now and then, one after the other, until the keeper is stopped', async () => {
  await jest.advanceTimersByTimeAsync(5_000);
  expect(asked).toEqual(['ticks us-east-1']);
  await jest.advanceTimersByTimeAsync(5_000);
  expect(asked).toEqual(['ticks us-east-1', 'ticks eu-west-1']);
  await jest.advanceTimersByTimeAsync(5_000);
  expect(asked).toEqual(['ticks us-east-1', 'ticks eu-west-1', 'ticks us-east-1']);
  keeper.stop();
  await jest.advanceTimersByTimeAsync(60_000);
  expect(asked).toHaveLength(3);
});
