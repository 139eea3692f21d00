/** One HTTP attempt as it reached the simulator; the SDK's retries are attempts of their own. */
export interface CallRecord {
  seq: number;
  /** Arrival of the request's headers: Unix milliseconds with a fraction. */
  at: number;
  /** Until the answer began. */
  durationMs: number;
  region: string;
  operation: string;
  /**
   * `ok`, EC2's error code, `http_<status>` for an injected bare status, or what was done to the connection:
   * `cut_before`, `cut_after`, `hang_before`, `hang_after`.
   */
  outcome: string;
  requestId: string;
  /** The SDK's own id of the operation this is an attempt of; null for callers that send none. */
  invocationId: string | null;
  clientToken: string | null;
  /** Instances the answer holds: launched, described or terminated. */
  instances: number;
}

/** region → operation → outcome → attempts. */
export type CallCounts = Record<string, Record<string, Record<string, number>>>;

/** Attempts counted for ever, and the latest of them kept one by one. */
export class CallLog {
  readonly #capacity: number;
  #records: CallRecord[] = [];
  #counts: CallCounts = {};
  #seq = 0;

  constructor(capacity = 50_000) {
    this.#capacity = capacity;
  }

  append(call: Omit<CallRecord, 'seq'>): void {
    this.#seq += 1;
    this.#records.push({ seq: this.#seq, ...call });
    // Dropping half at once keeps each append O(1) on average.
    if (this.#records.length >= this.#capacity * 2) this.#records = this.#records.slice(-this.#capacity);
    this.#counts[call.region] ??= {};
    const operations = this.#counts[call.region] ?? {};
    operations[call.operation] ??= {};
    const outcomes = operations[call.operation] ?? {};
    outcomes[call.outcome] = (outcomes[call.outcome] ?? 0) + 1;
  }

  counts(): CallCounts {
    return this.#counts;
  }

  after(afterSeq: number, limit: number, matches: (call: CallRecord) => boolean): CallRecord[] {
    const found: CallRecord[] = [];
    const first = this.#records[0]?.seq ?? 1;
    for (let index = Math.max(0, afterSeq + 1 - first); index < this.#records.length; index += 1) {
      const call = this.#records[index];
      if (call === undefined || found.length >= limit) break;
      if (matches(call)) found.push(call);
    }
    return found;
  }

  get lastSeq(): number {
    return this.#seq;
  }

  clear(): void {
    this.#records = [];
    this.#counts = {};
  }
}
