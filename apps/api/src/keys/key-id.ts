import type { RandomInt } from '@aegis/relays';

const TIME_DIGITS = 9;
const RANDOM_DIGITS = 5;

export const KEY_ID = /^[0-9a-z]{14}$/;

/** 9 characters of the time, 5 random ones: sorts by creation. */
export function newKeyId(now: number, random: RandomInt): string {
  const time = now.toString(36).padStart(TIME_DIGITS, '0');
  return (
    time +
    random(36 ** RANDOM_DIGITS)
      .toString(36)
      .padStart(RANDOM_DIGITS, '0')
  );
}
