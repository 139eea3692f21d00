import { expect, test } from '@jest/globals';
import { percentile } from './statistics.js';

const oneToTwoHundred = Array.from({ length: 200 }, (_, index) => 200 - index);

test.each([
  [0, 1],
  [50, 100],
  [99, 198],
  [100, 200],
])('the %d th percentile of 1 to 200 is %d', (percent, expected) => {
  expect(percentile(oneToTwoHundred, percent)).toBe(expected);
});

test('no samples have no percentile', () => {
  expect(() => percentile([], 50)).toThrow('no samples');
});
