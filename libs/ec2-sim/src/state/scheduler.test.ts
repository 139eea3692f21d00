import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { systemClock } from './clock.js';
import { ManualClock } from './manual-clock.js';
import { Scheduler } from './scheduler.js';

test('whatever is scheduled runs once, in order of its time, never early, unless cancelled', () => {
  const tasks = fc.array(fc.record({ delay: fc.nat(50), cancelled: fc.boolean() }), { maxLength: 60 });
  fc.assert(
    fc.property(tasks, fc.array(fc.nat(20)), (wanted, steps) => {
      const clock = new ManualClock(0);
      const scheduler = new Scheduler(clock);
      const ran: { due: number; order: number }[] = [];
      wanted.forEach(({ delay, cancelled }, order) => {
        const cancel = scheduler.schedule(delay, () => {
          expect(clock.now()).toBeGreaterThanOrEqual(delay);
          ran.push({ due: delay, order });
        });
        if (cancelled) cancel();
      });
      for (const step of [...steps, 0]) clock.advance(step);
      const expected = wanted
        .map(({ delay, cancelled }, order) => ({ due: delay, order, cancelled }))
        .filter((task) => !task.cancelled && task.due <= clock.now())
        .sort((a, b) => a.due - b.due || a.order - b.order)
        .map(({ due, order }) => ({ due, order }));
      expect(ran).toEqual(expected);
    }),
  );
});

test('a task may schedule the next one', () => {
  const clock = new ManualClock(0);
  const scheduler = new Scheduler(clock);
  const ticks: number[] = [];
  const tick = () => {
    ticks.push(clock.now());
    scheduler.schedule(clock.now() + 10, tick);
  };
  scheduler.schedule(10, tick);
  clock.advance(35);
  expect(ticks).toEqual([10, 20, 30]);
});

test('others get their turn between many tasks that are due at once', async () => {
  const scheduler = new Scheduler(systemClock);
  const tasks = 1_000;
  let ran = 0;
  const others = new Promise<number>((resolve) => {
    scheduler.schedule(0, () => setImmediate(() => resolve(ran)));
  });
  const all = new Promise<void>((resolve) => {
    for (let task = 1; task <= tasks; task += 1) {
      scheduler.schedule(0, () => {
        ran += 1;
        if (ran === tasks) resolve();
      });
    }
  });
  expect(await others).toBeLessThan(100);
  await all;
});
