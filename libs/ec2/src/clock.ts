/** Monotonic milliseconds, so that a step of the wall clock moves no latency and no budget. */
export interface Clock {
  now(): number;
}
