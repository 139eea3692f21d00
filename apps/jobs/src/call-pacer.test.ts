import { expect, test } from '@jest/globals';
import { createCallPacer } from './call-pacer.js';

test('at rest nothing waits; in a burst each call waits a little longer than the one before', () => {
  let now = 1_000;
  const pacer = createCallPacer(() => now);
  const waits: number[] = [];
  for (let call = 0; call < 6; call++) {
    waits.push(pacer.delay());
    now += pacer.delay();
    pacer.called();
  }
  expect(waits).toEqual([0, 100, 200, 400, 500, 500]);
  now += 2_000;
  expect(pacer.delay()).toBe(0);
});

test('calls as far apart as EC2 refills its bucket for launches do not wait', () => {
  let now = 0;
  const pacer = createCallPacer(() => now);
  for (let call = 0; call < 10; call++) {
    expect(pacer.delay()).toBe(0);
    pacer.called();
    now += 550;
  }
});
