import { type BucketSpec, TokenBucket } from './token-bucket.js';

const OTHER_MUTATING: BucketSpec = { size: 50, refillPerSecond: 5 };
const READING: BucketSpec = { size: 100, refillPerSecond: 20 };
const READING_UNFILTERED: BucketSpec = { size: 50, refillPerSecond: 10 };

/** Request buckets of the Amazon EC2 Developer Guide, "Request throttling"; each operation has its own. */
const REQUEST_BUCKETS: Readonly<Record<string, BucketSpec>> = {
  RunInstances: { size: 5, refillPerSecond: 2 },
  TerminateInstances: { size: 100, refillPerSecond: 5 },
};

/** Buckets counted in instances rather than requests. */
const RESOURCE_BUCKETS: Readonly<Record<string, BucketSpec>> = {
  RunInstances: { size: 1000, refillPerSecond: 2 },
  TerminateInstances: { size: 1000, refillPerSecond: 20 },
};

export interface ThrottledCall {
  region: string;
  operation: string;
  /** A listing with neither ids, filters nor pages draws on the smaller bucket. */
  unfiltered: boolean;
  /** Instances the call asks for, where EC2 limits those too. */
  instances: number;
}

/** EC2's token buckets, per region. A refused call takes nothing. */
export class Throttle {
  readonly #buckets = new Map<string, TokenBucket>();

  admit(call: ThrottledCall, now: number): boolean {
    const requests = this.#requestBucket(call, now);
    const instances = this.#resourceBucket(call, now);
    if (instances !== undefined && instances.available(now) < call.instances) return false;
    if (!requests.take(1, now)) return false;
    instances?.take(call.instances, now);
    return true;
  }

  /** Returns the instance tokens of a call that launched fewer than it asked for. */
  giveBackInstances(region: string, operation: string, count: number): void {
    this.#buckets.get(`${region}/${operation}/instances`)?.giveBack(count);
  }

  reset(): void {
    this.#buckets.clear();
  }

  #requestBucket(call: ThrottledCall, now: number): TokenBucket {
    const reads = /^(Describe|Get|List)/.test(call.operation);
    if (reads && call.unfiltered) return this.#bucket(`${call.region}/${call.operation}/all`, READING_UNFILTERED, now);
    const spec = REQUEST_BUCKETS[call.operation] ?? (reads ? READING : OTHER_MUTATING);
    return this.#bucket(`${call.region}/${call.operation}/requests`, spec, now);
  }

  #resourceBucket(call: ThrottledCall, now: number): TokenBucket | undefined {
    const spec = RESOURCE_BUCKETS[call.operation];
    return spec && this.#bucket(`${call.region}/${call.operation}/instances`, spec, now);
  }

  #bucket(key: string, spec: BucketSpec, now: number): TokenBucket {
    const bucket = this.#buckets.get(key) ?? new TokenBucket(spec, now);
    this.#buckets.set(key, bucket);
    return bucket;
  }
}
