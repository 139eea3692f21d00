import type { Ec2Operation, RetryReason } from './ec2-operation.js';

/** `ignored`: a terminate that met only instances already terminated, on their way there, or gone. */
export type OperationStatus = 'ok' | 'error' | 'ignored';

export interface OperationEvent {
  op: Ec2Operation;
  region: string;
  status: OperationStatus;
  /** From the first attempt to the end, with all retries and their waits. */
  latencyMs: number;
  /** Vendor code of a call that failed; for logs, never for a label. */
  errorCode?: string;
}

export interface RetryEvent {
  op: Ec2Operation;
  region: string;
  reason: RetryReason;
}

export interface RetryExhaustedEvent {
  op: Ec2Operation;
  region: string;
}

/**
 * Told of every call to AWS. One `operation` per call however often it was repeated, one `retry` per HTTP attempt after
 * the first, so that attempts on the wire are exactly operations plus retries (a call that ends before it reached the
 * wire, for want of credentials, is an operation without an attempt).
 */
export interface ProviderObserver {
  operation(event: OperationEvent): void;
  retry(event: RetryEvent): void;
  /** A retryable error outlived every attempt, or the deadline, of a call that had been repeated. */
  retryExhausted(event: RetryExhaustedEvent): void;
}
