import type { Cause, Instance, InstanceState, Tags } from './model.js';

export type LedgerEvent = 'launched' | Exclude<InstanceState, 'pending'>;

/** One thing that really happened to an instance. */
export interface LedgerRecord {
  /** 1, 2, 3 … over all regions. */
  seq: number;
  /** Unix milliseconds. */
  at: number;
  region: string;
  instanceId: string;
  event: LedgerEvent;
  cause: Cause;
  /** EC2's state reason code, where there is one. */
  reason: string | null;
  clientToken: string | null;
  launchIndex: number;
  /** As they were then. */
  tags: Tags;
}

/** Append-only: what really happened, whatever callers were told. */
export class Ledger {
  readonly #records: LedgerRecord[] = [];
  readonly #onAppend: (record: LedgerRecord) => void;

  constructor(onAppend: (record: LedgerRecord) => void) {
    this.#onAppend = onAppend;
  }

  append(instance: Instance, event: LedgerEvent, at: number, cause: Cause): void {
    const record: LedgerRecord = {
      seq: (this.#records.at(-1)?.seq ?? 0) + 1,
      at,
      region: instance.launch.region,
      instanceId: instance.id,
      event,
      cause,
      reason: instance.stateReason?.code ?? null,
      clientToken: instance.launch.clientToken,
      launchIndex: instance.launchIndex,
      tags: instance.tags,
    };
    this.#records.push(record);
    this.#onAppend(record);
  }

  restore(record: LedgerRecord): void {
    this.#records.push(record);
  }

  /** Records after `afterSeq`, oldest first. */
  after(afterSeq: number, limit: number, matches: (record: LedgerRecord) => boolean): LedgerRecord[] {
    const found: LedgerRecord[] = [];
    const first = this.#records[0]?.seq ?? 1;
    for (let index = Math.max(0, afterSeq + 1 - first); index < this.#records.length; index += 1) {
      const record = this.#records[index];
      if (record === undefined || found.length >= limit) break;
      if (matches(record)) found.push(record);
    }
    return found;
  }

  get lastSeq(): number {
    return this.#records.at(-1)?.seq ?? 0;
  }

  all(): readonly LedgerRecord[] {
    return this.#records;
  }

  clear(): void {
    this.#records.length = 0;
  }
}
