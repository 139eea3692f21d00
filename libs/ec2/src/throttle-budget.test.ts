import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ThrottleBudget } from './throttle-budget.js';

function budget(capacity: number, refillPerSecond: number) {
  const clock = { time: 0, now: () => clock.time };
  return { clock, bucket: new ThrottleBudget({ capacity, refillPerSecond }, clock) };
}

describe('a throttle budget', () => {
  test('gives what it holds at once and then what flows in', () => {
    const { clock, bucket } = budget(5, 2);
    for (let i = 0; i < 5; i += 1) expect(bucket.tryTake()).toBe(true);
    expect(bucket.tryTake()).toBe(false);
    expect(bucket.msUntil()).toBe(500);
    clock.time += 500;
    expect(bucket.msUntil()).toBe(0);
    expect(bucket.tryTake()).toBe(true);
    expect(bucket.tryTake()).toBe(false);
  });

  test('takes all or nothing', () => {
    const { bucket } = budget(10, 1);
    expect(bucket.tryTake(11)).toBe(false);
    expect(bucket.tryTake(10)).toBe(true);
    expect(bucket.msUntil(3)).toBe(3000);
    expect(bucket.msUntil(11)).toBe(Number.POSITIVE_INFINITY);
  });

  test('never holds more than its capacity, however long nobody calls', () => {
    const { clock, bucket } = budget(5, 2);
    clock.time += 1e9;
    expect(bucket.available()).toBe(5);
    bucket.giveBack(3);
    expect(bucket.available()).toBe(5);
  });

  test('counts what was spent without asking, and is empty when AWS says so', () => {
    const { clock, bucket } = budget(5, 2);
    bucket.spend(7);
    expect(bucket.available()).toBe(0);
    clock.time += 2000;
    expect(bucket.available()).toBe(4);
    bucket.drain();
    expect(bucket.tryTake()).toBe(false);
    bucket.giveBack(1);
    expect(bucket.tryTake()).toBe(true);
  });

  test('is never ahead of a bucket that hears of each request a little later', () => {
    const LAG = 250;
    const steps = fc.array(
      fc.record({ wait: fc.nat(1500), take: fc.integer({ min: 1, max: 3 }), delay: fc.nat(LAG) }),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(steps, (run) => {
        const clock = { time: 0, now: () => clock.time };
        const ours = new ThrottleBudget({ capacity: 5, refillPerSecond: 2 }, clock, LAG);
        const arrivals: { at: number; take: number }[] = [];
        for (const { wait, take, delay } of run) {
          clock.time += wait;
          if (ours.tryTake(take)) arrivals.push({ at: clock.time + delay, take });
        }
        const theirClock = { time: 0, now: () => theirClock.time };
        const theirs = new ThrottleBudget({ capacity: 5 + 1e-6, refillPerSecond: 2 }, theirClock);
        for (const { at, take } of arrivals.sort((a, b) => a.at - b.at)) {
          theirClock.time = at;
          expect(theirs.tryTake(take)).toBe(true);
        }
      }),
      { numRuns: 300 },
    );
  });

  test('a clock that steps back mints nothing', () => {
    const { clock, bucket } = budget(5, 2);
    bucket.spend(5);
    clock.time -= 10_000;
    expect(bucket.available()).toBe(0);
  });

  test('never lets through more than capacity plus refill over any run', () => {
    const steps = fc.array(fc.record({ wait: fc.nat(3000), take: fc.integer({ min: 1, max: 4 }) }), { maxLength: 60 });
    fc.assert(
      fc.property(steps, (run) => {
        const { clock, bucket } = budget(6, 2);
        let taken = 0;
        for (const { wait, take } of run) {
          clock.time += wait;
          if (bucket.tryTake(take)) taken += take;
          expect(taken).toBeLessThanOrEqual(6 + (clock.time / 1000) * 2 + 1e-6);
        }
      }),
    );
  });
});
