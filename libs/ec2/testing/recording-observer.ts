import type { OperationEvent, ProviderObserver, RetryEvent, RetryExhaustedEvent } from '../src/provider-observer.js';

export class RecordingObserver implements ProviderObserver {
  readonly operations: OperationEvent[] = [];
  readonly retries: RetryEvent[] = [];
  readonly exhausted: RetryExhaustedEvent[] = [];

  operation(event: OperationEvent): void {
    this.operations.push(event);
  }

  retry(event: RetryEvent): void {
    this.retries.push(event);
  }

  retryExhausted(event: RetryExhaustedEvent): void {
    this.exhausted.push(event);
  }

  statuses(): string[] {
    return this.operations.map(({ op, status }) => `${op} ${status}`);
  }

  reasons(): string[] {
    return this.retries.map(({ reason }) => reason);
  }
}
