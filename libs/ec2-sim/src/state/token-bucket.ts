export interface BucketSpec {
  size: number;
  refillPerSecond: number;
}

/** A bucket that starts full and refills evenly. */
export class TokenBucket {
  readonly #spec: BucketSpec;
  #tokens: number;
  #filledAt: number;

  constructor(spec: BucketSpec, now: number) {
    this.#spec = spec;
    this.#tokens = spec.size;
    this.#filledAt = now;
  }

  available(now: number): number {
    const refill = (Math.max(0, now - this.#filledAt) / 1000) * this.#spec.refillPerSecond;
    this.#tokens = Math.min(this.#spec.size, this.#tokens + refill);
    this.#filledAt = now;
    return this.#tokens;
  }

  take(count: number, now: number): boolean {
    if (this.available(now) < count) return false;
    this.#tokens -= count;
    return true;
  }

  giveBack(count: number): void {
    this.#tokens = Math.min(this.#spec.size, this.#tokens + count);
  }
}
