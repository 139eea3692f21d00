import { expect, test } from '@jest/globals';
import { relayTiming } from './relay-timing.js';

const settings = { pendingTimeoutSeconds: 900, bootTimeoutSeconds: 300, readiness: 'checkin' } as const;
const blindAfter = (heartbeatTimeoutSeconds: number) =>
  relayTiming({ ...settings, heartbeatTimeoutSeconds }).blindAfterMs / 1000;

test('an outage counts as blindness before it makes any relay overdue, but not between two ticks', () => {
  for (const [timeout, interval] of [
    [60, 10],
    [25, 5],
    [15, 2],
  ] as const) {
    expect(blindAfter(timeout)).toBeLessThan(timeout - interval);
  }
  expect(blindAfter(60)).toBe(15);
  expect(blindAfter(2)).toBe(8);
});
