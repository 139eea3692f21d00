/**
 * The longest one call may take, retries and all, joined with the caller's own signal. An own timer and listener per
 * call, taken down at its end: `AbortSignal.any` on a signal that lives as long as the process keeps every call's
 * composite alive on Node 20.
 */
export class CallDeadline {
  readonly #controller = new AbortController();
  readonly #caller: AbortSignal | undefined;
  readonly #timer: NodeJS.Timeout;
  readonly #giveUp: Promise<never>;
  readonly #endsAt: number;
  readonly #reason: Error;
  #expired = false;

  constructor(ms: number, caller?: AbortSignal) {
    this.#caller = caller;
    this.#giveUp = new Promise((_, reject) => {
      this.signal.addEventListener('abort', () => reject(this.signal.reason), { once: true });
    });
    this.#giveUp.catch(() => undefined);
    this.#endsAt = performance.now() + ms;
    this.#reason = abortError(`no result within ${ms} ms`);
    this.#timer = setTimeout(() => this.#expire(), ms);
    if (caller?.aborted) this.#onCallerAbort();
    else caller?.addEventListener('abort', this.#onCallerAbort, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The time ran out; false when it was the caller who gave up. */
  get expired(): boolean {
    return this.#expired;
  }

  /**
   * Ends the call if its time is up by the clock. A process that was frozen wakes up with its timers still to run: without
   * this look at the clock it would send what nobody expects any more.
   */
  enforce(): void {
    if (!this.signal.aborted && performance.now() >= this.#endsAt) this.#expire();
  }

  /** Rejects with the deadline even if the work, such as a credential provider, does not heed the signal. */
  race<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.#giveUp]);
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#caller?.removeEventListener('abort', this.#onCallerAbort);
  }

  #expire(): void {
    this.#expired = true;
    this.#controller.abort(this.#reason);
  }

  readonly #onCallerAbort = (): void => {
    this.#controller.abort(abortError('the caller gave up'));
  };
}

function abortError(message: string): Error {
  return Object.assign(new Error(message), { name: 'AbortError' });
}
