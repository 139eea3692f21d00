import type { AbsoluteLocation, FinalizeRequestHandlerOptions, FinalizeRequestMiddleware } from '@smithy/types';
import type { AwsFailure } from './aws-failure.js';
import { classifyAwsError } from './classify-aws-error.js';

export interface AttemptHooks {
  /** An attempt is about to go out; it does not if the signal is aborted after this. */
  starting(): void;
  /** An attempt after the first is about to go out, for this failure of the one before. */
  retried(previous: AwsFailure): void;
  failed(failure: AwsFailure): void;
}

/** Inside the retry loop and after signing: what passes here goes on the wire. */
export const ATTEMPT_POSITION: FinalizeRequestHandlerOptions & AbsoluteLocation = {
  step: 'finalizeRequest',
  priority: 'low',
  name: 'callAttempts',
  override: true,
};

/** What happened on the wire during one call, seen from inside the SDK's retry loop. */
export class CallAttempts {
  readonly #signal: AbortSignal;
  readonly #hooks: AttemptHooks;
  #count = 0;
  #inFlight = false;
  #outcomeUnknown = false;
  #last: { error: unknown; failure: AwsFailure } | null = null;

  constructor(signal: AbortSignal, hooks: AttemptHooks) {
    this.#signal = signal;
    this.#hooks = hooks;
  }

  get count(): number {
    return this.#count;
  }

  /** What the last attempt threw, before the SDK may have wrapped it; null when it succeeded or there was none. */
  get lastError(): unknown {
    return this.#last?.error ?? null;
  }

  /** Whether some attempt may have had its effect: a later one's clean refusal takes nothing back. */
  get outcome(): AwsFailure['outcome'] {
    return this.#inFlight || this.#outcomeUnknown ? 'unknown' : 'nothing_happened';
  }

  middleware<Input extends object, Output extends object>(): FinalizeRequestMiddleware<Input, Output> {
    return (next) => async (args) => {
      // The SDK's HTTP handler refuses a signal that is already aborted, so nothing would go out.
      this.#hooks.starting();
      if (this.#signal.aborted) return next(args);
      this.#begin();
      try {
        const result = await next(args);
        this.#last = null;
        return result;
      } catch (error) {
        this.#fail(error);
        throw error;
      } finally {
        this.#inFlight = false;
      }
    };
  }

  #begin(): void {
    this.#count += 1;
    this.#inFlight = true;
    if (this.#last !== null) this.#hooks.retried(this.#last.failure);
  }

  #fail(error: unknown): void {
    const failure = classifyAwsError(error);
    this.#last = { error, failure };
    if (failure.outcome === 'unknown') this.#outcomeUnknown = true;
    this.#hooks.failed(failure);
  }
}
