import { expect, test } from '@jest/globals';
import fc from 'fast-check';
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
