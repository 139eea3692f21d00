import { StandardRetryStrategy } from '@smithy/core/retry';
import type { RetryErrorInfo, RetryStrategyV2, RetryToken, StandardRetryToken } from '@smithy/types';
import { classifyAwsError } from './classify-aws-error.js';

/**
 * The SDK's standard strategy with two additions: it remembers on which errors it gave up although they were worth
 * another attempt, and it does not repeat a launch for want of capacity. EC2 answers that with HTTP 500, which the SDK
 * takes for a passing fault, but the same offering is not restocked within a second, and another one may be free.
 */
export class ObservedRetryStrategy implements RetryStrategyV2 {
  readonly #inner: StandardRetryStrategy;
  readonly #givenUp = new WeakSet<object>();

  constructor(maxAttempts: number) {
    this.#inner = new StandardRetryStrategy(maxAttempts);
  }

  acquireInitialRetryToken(scope: string): Promise<RetryToken> {
    return this.#inner.acquireInitialRetryToken(scope);
  }

  async refreshRetryTokenForRetry(token: RetryToken, info: RetryErrorInfo): Promise<RetryToken> {
    const { kind } = classifyAwsError(info.error);
    const errorType = kind === 'capacity' || kind === 'quota' ? 'CLIENT_ERROR' : info.errorType;
    try {
      return await this.#inner.refreshRetryTokenForRetry(token as StandardRetryToken, { ...info, errorType });
    } catch (refusal) {
      const retryable = errorType === 'THROTTLING' || errorType === 'TRANSIENT';
      if (retryable && typeof info.error === 'object') this.#givenUp.add(info.error);
      throw refusal;
    }
  }

  recordSuccess(token: RetryToken): void {
    this.#inner.recordSuccess(token as StandardRetryToken);
  }

  /** Whether this error ended a call because no attempt was left, not because it was final. */
  gaveUpOn(error: unknown): boolean {
    return typeof error === 'object' && error !== null && this.#givenUp.has(error);
  }
}
