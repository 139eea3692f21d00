import type { Clock } from './clock.js';

interface Task {
  at: number;
  order: number;
  run: (() => void) | null;
}

/** Tasks run in one turn of the event loop: a thousand machines that boot at once must not hold up everybody's calls. */
const AT_ONCE = 32;

/**
 * Every timed thing of the simulator behind one timer: a binary heap by due time, so that a hundred thousand
 * instances and agents cost memory but no timers of the runtime.
 */
export class Scheduler {
  readonly #clock: Clock;
  readonly #heap: Task[] = [];
  #order = 0;
  #cancelTimer: (() => void) | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  #stopped = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): number {
    return this.#clock.now();
  }

  /** Runs once at or after `at` (Unix ms), never within this call; the result cancels it. */
  schedule(at: number, run: () => void): () => void {
    const task: Task = { at, order: this.#order++, run };
    this.#push(task);
    this.#arm();
    return () => {
      task.run = null;
    };
  }

  /** Drops everything that was due later. */
  clear(): void {
    this.#heap.length = 0;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#timerAt = Number.POSITIVE_INFINITY;
  }

  stop(): void {
    this.#stopped = true;
    this.clear();
  }

  #arm(): void {
    const first = this.#heap[0];
    if (this.#stopped || first === undefined || first.at >= this.#timerAt) return;
    this.#cancelTimer?.();
    this.#timerAt = first.at;
    this.#cancelTimer = this.#clock.setTimer(first.at - this.#clock.now(), () => this.#runDue());
  }

  #runDue(): void {
    this.#cancelTimer = undefined;
    this.#timerAt = Number.POSITIVE_INFINITY;
    const now = this.#clock.now();
    for (let left = AT_ONCE; left > 0; left -= 1) {
      const first = this.#heap[0];
      if (first === undefined || first.at > now) break;
      this.#pop();
      const run = first.run;
      first.run = null;
      run?.();
    }
    this.#arm();
  }

  #push(task: Task): void {
    const heap = this.#heap;
    let index = heap.length;
    heap.push(task);
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = heap[parentIndex];
      if (parent === undefined || isBefore(parent, task)) break;
      heap[index] = parent;
      index = parentIndex;
    }
    heap[index] = task;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let index = 0;
    for (;;) {
      const leftIndex = 2 * index + 1;
      const left = heap[leftIndex];
      const right = heap[leftIndex + 1];
      if (left === undefined) break;
      const useRight = right !== undefined && isBefore(right, left);
      const child = useRight ? right : left;
      if (isBefore(last, child)) break;
      heap[index] = child;
      index = useRight ? leftIndex + 1 : leftIndex;
    }
    heap[index] = last;
  }
}

function isBefore(a: Task, b: Task): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
