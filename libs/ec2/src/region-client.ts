import { EC2Client, type EC2ClientConfig, type ServiceInputTypes, type ServiceOutputTypes } from '@aws-sdk/client-ec2';
import type { Command } from '@smithy/core/client';
import type { AwsFailure } from './aws-failure.js';
import { ATTEMPT_POSITION, CallAttempts } from './call-attempts.js';
import type { CallBudget } from './call-budget.js';
import { CallDeadline } from './call-deadline.js';
import { classifyAwsError } from './classify-aws-error.js';
import type { Clock } from './clock.js';
import { CloudError } from './cloud-error.js';
import type { Ec2Operation, RetryReason } from './ec2-operation.js';
import type { ProviderObserver } from './provider-observer.js';
import { ObservedRetryStrategy } from './retry-strategy.js';

export interface RegionClientOptions {
  region: string;
  endpoint?: string;
  credentials?: NonNullable<EC2ClientConfig['credentials']>;
  /** Longest time of one call with all its attempts. */
  deadlineMs: number;
  /** Longest time of one attempt. */
  attemptTimeoutMs: number;
  connectTimeoutMs: number;
  maxAttempts: number;
  maxSockets: number;
  observer: ProviderObserver;
  /** Ends calls that bring no signal of their own. */
  signal?: AbortSignal;
  clock: Clock;
  /** Null: calls go out as they come and AWS throttles them. */
  budget: CallBudget | null;
}

type Ec2Command<Input extends ServiceInputTypes, Output extends ServiceOutputTypes> = Command<
  Input,
  Output,
  EC2Client['config'],
  ServiceInputTypes,
  ServiceOutputTypes
>;

export interface Call<Input extends ServiceInputTypes, Output extends ServiceOutputTypes> {
  op: Ec2Operation;
  command: Ec2Command<Input, Output>;
  signal?: AbortSignal | undefined;
  /** Instances the call asks to start or end. */
  instances?: number;
  /** Says of a result, or of a refusal, that nothing was left to do; such a call counts as `ignored`. */
  nothingToDo?: (ended: { output: Output } | { failure: AwsFailure }) => boolean;
}

/** The throttle budget makes nobody wait longer: who comes back later was frozen, and others have taken over. */
const LONGEST_ADMISSION_MS = 8_000;

/**
 * One region's own client, connections, retry budget and throttle budget: a region that hangs or fails takes nothing
 * from the others. Every call to AWS goes through `call`, which counts and times it.
 */
export class RegionClient {
  readonly region: string;
  readonly #options: RegionClientOptions;
  readonly #client: EC2Client;
  readonly #retryStrategy: ObservedRetryStrategy;

  constructor(options: RegionClientOptions) {
    this.region = options.region;
    this.#options = options;
    this.#retryStrategy = new ObservedRetryStrategy(options.maxAttempts);
    this.#client = new EC2Client(clientConfig(options, this.#retryStrategy));
  }

  get budget(): CallBudget | null {
    return this.#options.budget;
  }

  /** Resolves with EC2's answer or rejects with a `CloudError`. */
  async call<Input extends ServiceInputTypes, Output extends ServiceOutputTypes>(
    call: Call<Input, Output>,
  ): Promise<Output> {
    const { op, signal = this.#options.signal } = call;
    const calledAt = performance.now();
    await this.budget?.admit(op, call.instances ?? 0, signal);
    if (signal?.aborted) throw new CloudError(this.region, op, abandoned('Aborted', 'the caller gave up waiting'));
    if (performance.now() - calledAt > LONGEST_ADMISSION_MS) {
      throw new CloudError(this.region, op, abandoned('DeadlineExceeded', 'the process stood still before the call'));
    }
    const { clock, observer, deadlineMs } = this.#options;
    const deadline = new CallDeadline(deadlineMs, signal);
    const attempts = this.#watchAttempts(op, deadline);
    call.command.middlewareStack.add(attempts.middleware(), ATTEMPT_POSITION);
    const startedAt = clock.now();
    try {
      const output = await deadline.race(this.#client.send(call.command, { abortSignal: deadline.signal }));
      const status = call.nothingToDo?.({ output }) ? 'ignored' : 'ok';
      observer.operation({ op, region: this.region, status, latencyMs: clock.now() - startedAt });
      return output;
    } catch (thrown) {
      const error = attempts.lastError ?? thrown;
      const failure = this.#failureOf(error, attempts, deadline);
      const latencyMs = clock.now() - startedAt;
      const status = call.nothingToDo?.({ failure }) ? 'ignored' : 'error';
      observer.operation({ op, region: this.region, status, latencyMs, errorCode: failure.code });
      if (this.#isExhausted(error, attempts, deadline)) observer.retryExhausted({ op, region: this.region });
      if (failure.outcome === 'nothing_happened') this.budget?.unused(op, call.instances ?? 0);
      throw new CloudError(this.region, op, failure, { cause: error });
    } finally {
      deadline.end();
    }
  }

  close(): void {
    this.#client.destroy();
  }

  #watchAttempts(op: Ec2Operation, deadline: CallDeadline): CallAttempts {
    const { observer, budget } = this.#options;
    return new CallAttempts(deadline.signal, {
      starting: () => deadline.enforce(),
      retried: (previous) => {
        budget?.retried(op);
        observer.retry({ op, region: this.region, reason: retryReason(previous) });
      },
      failed: (failure) => {
        if (failure.kind === 'throttled') budget?.throttled(op);
      },
    });
  }

  #failureOf(error: unknown, attempts: CallAttempts, deadline: CallDeadline): AwsFailure {
    const failure = deadline.signal.aborted
      ? abandoned(deadline.expired ? 'DeadlineExceeded' : 'Aborted', messageOf(deadline.signal.reason))
      : classifyAwsError(error);
    // A call that never reached the wire did nothing, whatever went wrong before.
    if (attempts.count === 0) return { ...failure, outcome: 'nothing_happened' };
    return { ...failure, outcome: attempts.outcome };
  }

  #isExhausted(error: unknown, attempts: CallAttempts, deadline: CallDeadline): boolean {
    return this.#retryStrategy.gaveUpOn(error) || (deadline.expired && attempts.count > 1);
  }
}

function clientConfig(options: RegionClientOptions, retryStrategy: ObservedRetryStrategy): EC2ClientConfig {
  const agent = { keepAlive: true, maxSockets: options.maxSockets };
  return {
    region: options.region,
    ...(options.endpoint === undefined ? {} : { endpoint: options.endpoint }),
    ...(options.credentials === undefined ? {} : { credentials: options.credentials }),
    maxAttempts: options.maxAttempts,
    retryStrategy,
    requestHandler: {
      connectionTimeout: options.connectTimeoutMs,
      requestTimeout: options.attemptTimeoutMs,
      throwOnRequestTimeout: true,
      // The request time-out ends with the headers; this one ends a body that stops half-way.
      socketTimeout: options.attemptTimeoutMs,
      httpAgent: agent,
      httpsAgent: agent,
    },
  };
}

function abandoned(code: string, message: string): AwsFailure {
  return { kind: 'timeout', code, message, instanceIds: [], requestId: null, outcome: 'nothing_happened' };
}

function messageOf(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason);
}

function retryReason(failure: AwsFailure): RetryReason {
  switch (failure.kind) {
    case 'throttled':
    case 'timeout':
    case 'connection':
      return failure.kind;
    case 'server':
      return 'server_error';
    default:
      return 'other';
  }
}
