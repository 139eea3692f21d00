import { expect, test } from '@jest/globals';
import { warmPoolTarget } from './warm-pool-target.js';

const at = (time: string) => Date.parse(`2026-11-23T${time}:00Z`);
const POOL = {
  size: 2,
  maxAgeSeconds: 3600,
  schedule: [
    { from: '08:00', to: '20:00', size: 50 },
    { from: '22:00', to: '02:00', size: 5 },
  ],
};

test('the schedule overrides the size, in UTC, also across midnight', () => {
  const sizes = ['07:59', '08:00', '19:59', '20:00', '22:00', '01:59', '02:00'].map((time) =>
    warmPoolTarget(POOL, at(time)),
  );
  expect(sizes).toEqual([2, 50, 50, 2, 5, 5, 2]);
});
