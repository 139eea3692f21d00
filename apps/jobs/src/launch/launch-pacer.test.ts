import { expect, test } from '@jest/globals';
import { createLaunchPacer } from './launch-pacer.js';

test('at rest nothing waits; in a burst each launch waits a little longer than the one before', () => {
  let now = 1_000;
  const pacer = createLaunchPacer(() => now);
  const waits: number[] = [];
  for (let launch = 0; launch < 6; launch++) {
    waits.push(pacer.delay());
    now += pacer.delay();
    pacer.launched();
  }
  expect(waits).toEqual([0, 100, 200, 400, 500, 500]);
  now += 2_000;
  expect(pacer.delay()).toBe(0);
});

test('launches as far apart as EC2 refills its bucket do not wait', () => {
  let now = 0;
  const pacer = createLaunchPacer(() => now);
  for (let launch = 0; launch < 10; launch++) {
    expect(pacer.delay()).toBe(0);
    pacer.launched();
    now += 550;
  }
});
