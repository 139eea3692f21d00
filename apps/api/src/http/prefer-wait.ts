export const MAX_WAIT_SECONDS = 60;

const WAIT = /(?:^|,)\s*wait\s*=\s*"?(\d{1,9})"?\s*(?=[,;]|$)/i;

/** The seconds of a `Prefer: wait=N` (RFC 7240), at most 60; null without one. A preference is never an error. */
export function preferredWait(prefer: string | undefined): number | null {
  const seconds = prefer === undefined ? undefined : WAIT.exec(prefer)?.[1];
  return seconds === undefined ? null : Math.min(Number(seconds), MAX_WAIT_SECONDS);
}
