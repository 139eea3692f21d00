import { appendFile, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Cloud, CloudObserver } from './cloud.js';
import {
  type JournalRecord,
  type RestoredState,
  restoreJournal,
  storeInstance,
  storeLaunch,
  storeLedgerRecord,
} from './journal-records.js';
import type { LedgerRecord } from './ledger.js';
import type { Instance, Launch } from './model.js';

const FLUSH_AFTER_MS = 50;
/** A snapshot keeps the ledger's latest part, so that a long-lived stack's file stays bounded. */
const KEPT_LEDGER_RECORDS = 100_000;

/** Keeps the cloud in a file: changes are appended as they happen, and each start and clean stop rewrites it whole. */
export class Journal implements CloudObserver {
  readonly #path: string;
  #pending: JournalRecord[] = [];
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(path: string) {
    this.#path = path;
  }

  async load(): Promise<RestoredState> {
    await mkdir(dirname(this.#path), { recursive: true });
    return restoreJournal(await readLines(this.#path));
  }

  launched(launch: Launch): void {
    this.#append(storeLaunch(launch));
  }

  changed(instance: Instance): void {
    this.#append(storeInstance(instance));
  }

  forgotten(instance: Instance): void {
    this.#append(storeInstance(instance));
  }

  recorded(record: LedgerRecord): void {
    this.#append(storeLedgerRecord(record));
  }

  /** Replaces the file by the cloud as it is now. */
  snapshot(cloud: Cloud): Promise<void> {
    this.#dropPending();
    const records = [
      ...cloud.launches().map(storeLaunch),
      ...cloud.ledger.all().slice(-KEPT_LEDGER_RECORDS).map(storeLedgerRecord),
    ];
    const text = toLines(records);
    return this.#enqueue(async () => {
      const next = `${this.#path}.next`;
      await writeFile(next, text);
      await rename(next, this.#path);
    });
  }

  #append(entry: JournalRecord): void {
    this.#pending.push(entry);
    this.#timer ??= setTimeout(() => {
      const text = toLines(this.#pending);
      this.#dropPending();
      void this.#enqueue(() => appendFile(this.#path, text));
    }, FLUSH_AFTER_MS);
  }

  #dropPending(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#pending = [];
  }

  #enqueue(write: () => Promise<void>): Promise<void> {
    this.#writing = this.#writing.then(write);
    return this.#writing;
  }
}

function toLines(records: readonly JournalRecord[]): string {
  return records.map((entry) => `${JSON.stringify(entry)}\n`).join('');
}

async function readLines(path: string): Promise<string[]> {
  try {
    return (await readFile(path, 'utf8')).split('\n').filter((line) => line !== '');
  } catch (error) {
    if (typeof error === 'object' && error !== null && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}
