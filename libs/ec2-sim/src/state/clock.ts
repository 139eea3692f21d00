/** Time and timers, so that tests can make hours pass at once. */
export interface Clock {
  /** Unix milliseconds. */
  now(): number;
  /** Calls back once, `delayMs` from now; the result cancels it. */
  setTimer(delayMs: number, callback: () => void): () => void;
}

/** setTimeout's largest delay; the scheduler sets a new timer when it ends early. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  setTimer(delayMs, callback) {
    const timer = setTimeout(callback, Math.min(Math.max(delayMs, 0), LONGEST_TIMER_MS));
    return () => clearTimeout(timer);
  },
};
