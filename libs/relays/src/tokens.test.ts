import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { newIntentId, newRelayId } from './relay-id.js';
import {
  issueLaunchToken,
  issueLeaseToken,
  issueSessionSecret,
  verifyLaunchToken,
  verifyLeaseToken,
  verifySessionSecret,
} from './tokens.js';

const SECRET = 'a secret of more than thirty-two characters';
const intentId = newIntentId('us-east-1', 1_800_000_000_000, () => 42);
const relayId = newRelayId('us-east-1', 1_800_000_000_000, () => 42);
const instanceId = 'i-0123456789abcdef0';

test('each token verifies under its own secret and subject only', () => {
  const launch = issueLaunchToken(SECRET, intentId);
  expect(verifyLaunchToken(SECRET, launch)).toEqual({ intentId, regionCode: 'use1' });
  expect(verifyLaunchToken(`${SECRET}.`, launch)).toBeNull();

  const session = issueSessionSecret(SECRET, relayId, instanceId);
  expect(verifySessionSecret(SECRET, relayId, session)).toEqual({ instanceId });
  expect(verifySessionSecret(SECRET, `${relayId.slice(0, -1)}1`, session)).toBeNull();

  const lease = issueLeaseToken(SECRET, relayId, 1_800_000_123_456);
  expect(verifyLeaseToken(SECRET, relayId, lease)).toEqual({ leaseExpiresAt: 1_800_000_123_456 });
  expect(verifyLeaseToken(SECRET, relayId, session)).toBeNull();
});

test('no changed or made-up token verifies', () => {
  const real = issueSessionSecret(SECRET, relayId, instanceId);
  fc.assert(
    fc.property(fc.nat(real.length - 1), fc.string({ minLength: 1, maxLength: 1 }), fc.string(), (at, char, noise) => {
      const changed = real.slice(0, at) + char + real.slice(at + 1);
      if (changed !== real) expect(verifySessionSecret(SECRET, relayId, changed)).toBeNull();
      expect(verifyLaunchToken(SECRET, `lt_${noise}`)).toBeNull();
      expect(verifyLeaseToken(SECRET, relayId, `ls_${noise}`)).toBeNull();
    }),
  );
});
