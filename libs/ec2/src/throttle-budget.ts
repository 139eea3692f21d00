import type { Clock } from './clock.js';

export interface BucketSize {
  capacity: number;
  refillPerSecond: number;
}

/**
 * A token bucket as EC2 keeps one per account, region and operation: our own view of what AWS will still accept. Other
 * programs in the account spend from the same bucket, so it is an estimate that `drain` corrects.
 *
 * A full bucket refills nothing, and AWS's stays full until our request gets there. So that ours is never ahead of
 * AWS's, one that was full, or may be full on their side, starts to refill only after the longest such way, `lagMs`.
 */
export class ThrottleBudget {
  readonly #size: BucketSize;
  readonly #clock: Clock;
  readonly #lagMs: number;
  #tokens: number;
  /** Up to when refills are counted; in the future while the bucket waits to start refilling. */
  #asOf: number;

  constructor(size: BucketSize, clock: Clock, lagMs = 0) {
    this.#size = size;
    this.#clock = clock;
    this.#lagMs = lagMs;
    this.#tokens = size.capacity;
    this.#asOf = clock.now();
  }

  /** Takes `count` tokens if there are that many, none otherwise. */
  tryTake(count = 1): boolean {
    if (this.available() < count) return false;
    this.spend(count);
    return true;
  }

  /** Milliseconds until `count` tokens are there if nobody takes any; Infinity when the bucket never holds that many. */
  msUntil(count = 1): number {
    const missing = count - this.available();
    if (missing <= 0) return 0;
    if (count > this.#size.capacity) return Number.POSITIVE_INFINITY;
    return this.#asOf - this.#clock.now() + (missing / this.#size.refillPerSecond) * 1000;
  }

  /** Records what was spent regardless of what there was, as a repeated attempt is. */
  spend(count = 1): void {
    const before = this.available();
    if (before + (this.#lagMs / 1000) * this.#size.refillPerSecond >= this.#size.capacity) {
      this.#asOf = this.#clock.now() + this.#lagMs;
    }
    this.#tokens = Math.max(0, before - count);
  }

  /** Takes back what a call turned out not to have used. */
  giveBack(count: number): void {
    this.#tokens = Math.min(this.#size.capacity, this.available() + count);
  }

  /** AWS said no: whatever we believed, there is nothing left. */
  drain(): void {
    this.available();
    this.#tokens = 0;
  }

  /** Tokens there are now; not a whole number. */
  available(): number {
    const now = this.#clock.now();
    if (now > this.#asOf) {
      const refilled = ((now - this.#asOf) / 1000) * this.#size.refillPerSecond;
      this.#tokens = Math.min(this.#size.capacity, this.#tokens + refilled);
      this.#asOf = now;
    }
    return this.#tokens;
  }
}
