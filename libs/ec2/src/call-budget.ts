import type { Clock } from './clock.js';
import type { Ec2Operation } from './ec2-operation.js';
import { type BucketSize, ThrottleBudget } from './throttle-budget.js';

interface OperationBuckets {
  requests: BucketSize;
  /** Instances an operation starts or ends; only two operations have such a bucket. */
  instances?: BucketSize;
}

/** "Request throttling for the Amazon EC2 API": per account and region, before any increase AWS has granted. */
export const EC2_THROTTLE_BUCKETS: Readonly<Record<Ec2Operation, OperationBuckets>> = {
  run_instances: {
    requests: { capacity: 5, refillPerSecond: 2 },
    instances: { capacity: 1000, refillPerSecond: 2 },
  },
  terminate_instances: {
    requests: { capacity: 100, refillPerSecond: 5 },
    instances: { capacity: 1000, refillPerSecond: 20 },
  },
  describe_instances: { requests: { capacity: 100, refillPerSecond: 20 } },
  create_tags: { requests: { capacity: 50, refillPerSecond: 5 } },
};

/** Longest way of a request to AWS that is reckoned with, a new connection's handshake included. */
const REQUEST_LAG_MS = 250;

/** What one program took from a region's buckets. */
export interface Spending {
  op: Ec2Operation;
  requests: number;
  /** Instances the call asked to start or end; negative when it turned out not to. */
  instances: number;
  /** AWS throttled the operation: nothing is left. */
  drained: boolean;
}

export interface CallBudgetOptions {
  clock: Clock;
  /** Waits until the time is over or the signal aborts, whichever is first; never rejects. */
  sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** Longest wait before a call that the budget would not allow; the call is made after it all the same. */
  maxWaitMs: number;
  buckets?: Readonly<Record<Ec2Operation, OperationBuckets>>;
  /** Hears of everything this program takes, so that others that share the account can be told. */
  onSpent?: (spending: Spending) => void;
}

/**
 * One region's buckets. It delays calls that AWS would throttle, for a bounded time: past that the estimate may be
 * wrong (a raised limit, a stored intent larger than the bucket), and AWS has the last word.
 */
export class CallBudget {
  readonly #options: CallBudgetOptions;
  readonly #requests = new Map<Ec2Operation, ThrottleBudget>();
  readonly #instances = new Map<Ec2Operation, ThrottleBudget>();

  constructor(options: CallBudgetOptions) {
    this.#options = options;
    for (const [op, sizes] of Object.entries(options.buckets ?? EC2_THROTTLE_BUCKETS)) {
      this.#requests.set(op as Ec2Operation, new ThrottleBudget(sizes.requests, options.clock, REQUEST_LAG_MS));
      if (sizes.instances !== undefined) {
        this.#instances.set(op as Ec2Operation, new ThrottleBudget(sizes.instances, options.clock, REQUEST_LAG_MS));
      }
    }
  }

  /** Resolves when the call may be made, at once while there is budget. With an aborted signal it has taken nothing. */
  async admit(op: Ec2Operation, instances: number, signal?: AbortSignal): Promise<void> {
    const { clock, sleep, maxWaitMs } = this.#options;
    const giveUpAt = clock.now() + maxWaitMs;
    while (signal?.aborted !== true) {
      const wait = Math.min(this.#msUntil(op, instances), giveUpAt - clock.now());
      if (wait <= 0) return this.#spend({ op, requests: 1, instances, drained: false });
      // Timers are whole milliseconds and may fire a little early.
      await sleep(Math.ceil(wait), signal);
    }
  }

  /** A repeated attempt spends a request like a first one. */
  retried(op: Ec2Operation): void {
    this.#spend({ op, requests: 1, instances: 0, drained: false });
  }

  /** AWS throttled this operation. It does not say which bucket was empty; the request bucket refills sooner. */
  throttled(op: Ec2Operation): void {
    this.#spend({ op, requests: 0, instances: 0, drained: true });
  }

  /** Instances a call was admitted for and did not start or end. */
  unused(op: Ec2Operation, instances: number): void {
    if (instances > 0) this.#spend({ op, requests: 0, instances: -instances, drained: false });
  }

  /** Books what was taken, here or by another program of the account. */
  take({ op, requests, instances, drained }: Spending): void {
    if (requests > 0) this.#requests.get(op)?.spend(requests);
    if (instances > 0) this.#instances.get(op)?.spend(instances);
    if (instances < 0) this.#instances.get(op)?.giveBack(-instances);
    if (drained) this.#requests.get(op)?.drain();
  }

  /** How many instances one call may now carry, and when one request may be sent. */
  allowance(op: Ec2Operation): { instances: number; waitMs: number } {
    const instances = Math.floor(this.#instances.get(op)?.available() ?? Number.POSITIVE_INFINITY);
    return { instances, waitMs: this.#msUntil(op, 1) };
  }

  #spend(spending: Spending): void {
    this.take(spending);
    this.#options.onSpent?.(spending);
  }

  #msUntil(op: Ec2Operation, instances: number): number {
    const requests = this.#requests.get(op)?.msUntil() ?? 0;
    return Math.max(requests, this.#instances.get(op)?.msUntil(instances) ?? 0);
  }
}
