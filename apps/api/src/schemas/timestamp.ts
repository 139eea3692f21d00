import * as z from 'zod';

/** RFC 3339 in UTC, as every time in the API. */
export const timestampSchema = z.iso.datetime();

/** From Unix milliseconds. */
export function toTimestamp(time: number): string {
  return new Date(time).toISOString();
}

export function toTimestampOrNull(time: number | null): string | null {
  return time === null ? null : toTimestamp(time);
}
