import { describe, expect, test } from '@jest/globals';
import { DEFAULT_LEASE_SECONDS } from './chaos-settings.js';
import { createRelayBook, forgetUnheardLeases, surelyLeasedUntil } from './relay-book.js';
import type { RelayView } from './relay-view.js';

const WIPED = 1_000_000;
const wipe = { wipedAt: WIPED, unheardSince: WIPED - 20_000 };

function entryLeased(sentAt: number, endsAt: number) {
  const book = createRelayBook();
  const entry = book.ask({ tenant: 'local', key: 'k', region: 'us-east-1', leaseSeconds: 900 });
  book.acknowledge(entry, { id: 'rly_use1_0000000000000001', leaseExpiresAt: endsAt } as RelayView, sentAt);
  return entry;
}

describe('what a client can count on after a wipe', () => {
  test('is the last lease that the agent has heard of', () => {
    const entry = entryLeased(WIPED - 90_000, WIPED + 10_000);
    entry.leases.push({ sentAt: WIPED - 30_000, endsAt: WIPED + 20_000 });
    entry.leases.push({ sentAt: WIPED - 5_000, endsAt: WIPED + 30_000 });
    forgetUnheardLeases(entry, wipe);
    expect(surelyLeasedUntil(entry)).toBe(WIPED + 20_000);
  });

  test('is at most a default lease when the agent has heard of none', () => {
    const long = entryLeased(WIPED - 1_000, WIPED + 900_000);
    forgetUnheardLeases(long, wipe);
    expect(surelyLeasedUntil(long)).toBe(WIPED + DEFAULT_LEASE_SECONDS * 1_000);
    const short = entryLeased(WIPED - 1_000, WIPED + 4_000);
    forgetUnheardLeases(short, wipe);
    expect(surelyLeasedUntil(short)).toBe(WIPED + 4_000);
  });
});
