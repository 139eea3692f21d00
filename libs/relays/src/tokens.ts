import { createHmac, timingSafeEqual } from 'node:crypto';
import { parseIntentId } from './relay-id.js';

/*
 * Secrets of relays are derived from the deployment's secret and stored nowhere: a lost store loses no token, and a
 * stolen store gives none away.
 */

const MAC_BYTES = 24;

function mac(secret: string, ...parts: string[]): string {
  const digest = createHmac('sha256', secret).update(parts.join('\n')).digest();
  return digest.subarray(0, MAC_BYTES).toString('base64url');
}

function sameMac(expected: string, presented: string): boolean {
  const a = Buffer.from(expected);
  const b = Buffer.from(presented);
  return a.length === b.length && timingSafeEqual(a, b);
}

/** Splits `<prefix>_<payload>_<mac>` where the mac itself may hold underscores. */
function split(prefix: string, token: string, pattern: RegExp): { payload: string; presented: string } | null {
  if (token.length > 128 || !token.startsWith(`${prefix}_`)) return null;
  const match = pattern.exec(token.slice(prefix.length + 1));
  const payload = match?.[1];
  const presented = match?.[2];
  return payload && presented ? { payload, presented } : null;
}

/** What the user data of a launch holds: proves that an instance belongs to that intent. */
export function issueLaunchToken(secret: string, intentId: string): string {
  return `lt_${intentId}_${mac(secret, 'launch', intentId)}`;
}

export function verifyLaunchToken(secret: string, token: string): { intentId: string; regionCode: string } | null {
  const parts = split('lt', token, /^(int_[0-9a-z]+_[0-9a-z]{16})_([\w-]{32})$/);
  const intent = parts && parseIntentId(parts.payload);
  if (!parts || !intent || !sameMac(mac(secret, 'launch', parts.payload), parts.presented)) return null;
  return { intentId: parts.payload, regionCode: intent.regionCode };
}

/** What a checked-in relay shows with each heartbeat. */
export function issueSessionSecret(secret: string, relayId: string, instanceId: string): string {
  return `rs_${instanceId}_${mac(secret, 'session', relayId, instanceId)}`;
}

export function verifySessionSecret(secret: string, relayId: string, token: string): { instanceId: string } | null {
  const parts = split('rs', token, /^(i-[0-9a-f]{8,17})_([\w-]{32})$/);
  if (!parts || !sameMac(mac(secret, 'session', relayId, parts.payload), parts.presented)) return null;
  return { instanceId: parts.payload };
}

/** A signed statement of a lease's end (Unix ms) that the agent hands back, so that a lost store can learn it again. */
export function issueLeaseToken(secret: string, relayId: string, leaseExpiresAt: number): string {
  const end = leaseExpiresAt.toString(36);
  return `ls_${end}_${mac(secret, 'lease', relayId, end)}`;
}

export function verifyLeaseToken(secret: string, relayId: string, token: string): { leaseExpiresAt: number } | null {
  const parts = split('ls', token, /^([0-9a-z]{1,11})_([\w-]{32})$/);
  if (!parts || !sameMac(mac(secret, 'lease', relayId, parts.payload), parts.presented)) return null;
  return { leaseExpiresAt: Number.parseInt(parts.payload, 36) };
}
