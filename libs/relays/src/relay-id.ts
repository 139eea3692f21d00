import { regionCode } from './region-code.js';

/** A source of uniformly random integers in [0, max). `crypto.randomInt` fits. */
export type RandomInt = (max: number) => number;

const TIME_DIGITS = 9;
const RANDOM_DIGITS = 7;
const LAST_TIME = 36 ** TIME_DIGITS - 1;
const SUFFIX = /^[0-9a-z]{16}$/;

/** 16 characters of base 36: 9 of the time in ms, then 7 random ones; sorts by time. */
function timeOrderedSuffix(now: number, random: RandomInt): string {
  const time = now.toString(36).padStart(TIME_DIGITS, '0');
  return (
    time +
    random(36 ** RANDOM_DIGITS)
      .toString(36)
      .padStart(RANDOM_DIGITS, '0')
  );
}

/** `rly_use1_mifzbtq1k2v9x0a3`: names its region, sorts by creation time within it. */
export function newRelayId(region: string, now: number, random: RandomInt): string {
  return `rly_${regionCode(region)}_${timeOrderedSuffix(now, random)}`;
}

/** `int_use1_…`, the same shape as a relay's id. */
export function newIntentId(region: string, now: number, random: RandomInt): string {
  return `int_${regionCode(region)}_${timeOrderedSuffix(now, random)}`;
}

export interface ParsedId {
  regionCode: string;
  /** The 16 characters after the region: unique within the region. */
  suffix: string;
}

function parseId(kind: string, id: string): ParsedId | null {
  const parts = id.split('_');
  const [prefix, code, suffix] = parts;
  if (parts.length !== 3 || prefix !== kind || !code || !suffix || !SUFFIX.test(suffix)) return null;
  return { regionCode: code, suffix };
}

/** null for anything that is not a relay id. The region code may still be one that is not configured. */
export function parseRelayId(id: string): ParsedId | null {
  return parseId('rly', id);
}

export function parseIntentId(id: string): ParsedId | null {
  return parseId('int', id);
}

/** The relay id for the short form kept in an instance's tags. */
export function relayIdOf(region: string, suffix: string): string {
  return `rly_${regionCode(region)}_${suffix}`;
}

/** No relay accepted at this time (Unix ms) or later sorts before it. */
export function firstIdSince(region: string, time: number): string {
  return relayIdOf(
    region,
    timeOrderedSuffix(Math.min(Math.max(time, 0), LAST_TIME), () => 0),
  );
}

/** When the relay was accepted, read from its id (Unix ms). */
export function createdAtOf(suffix: string): number {
  return Number.parseInt(suffix.slice(0, TIME_DIGITS), 36);
}
