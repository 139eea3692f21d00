import type { ProblemBody, ProblemError, ReachedLimit } from '../schemas/problem.js';
import { PROBLEMS, type ProblemCode } from './problem-codes.js';

export interface ProblemOptions {
  /** One sentence for the client, without internals. */
  detail?: string;
  errors?: ProblemError[];
  /** The limit that was reached. */
  limit?: ReachedLimit;
  /** Extra response headers: Retry-After, Allow, WWW-Authenticate. */
  headers?: Readonly<Record<string, string>>;
  cause?: unknown;
}

export const PROBLEM_CONTENT_TYPE = 'application/problem+json';

/** The refusal of a request. Thrown by routes and middleware, written by `handleErrors`. */
export class Problem extends Error {
  readonly code: ProblemCode;
  readonly headers: Readonly<Record<string, string>>;
  readonly #detail: string | undefined;
  readonly #errors: ProblemError[] | undefined;
  readonly #limit: ReachedLimit | undefined;

  constructor(code: ProblemCode, options: ProblemOptions = {}) {
    super(options.detail ?? PROBLEMS[code].title, { cause: options.cause });
    this.name = 'Problem';
    this.code = code;
    this.headers = options.headers ?? {};
    this.#detail = options.detail;
    this.#errors = options.errors;
    this.#limit = options.limit;
  }

  get status(): number {
    return PROBLEMS[this.code].status;
  }

  toBody(requestId: string): ProblemBody {
    const { status, title } = PROBLEMS[this.code];
    return {
      type: `urn:aegis:problem:${this.code}`,
      title,
      status,
      ...(this.#detail === undefined ? {} : { detail: this.#detail }),
      code: this.code,
      requestId,
      ...(this.#errors === undefined ? {} : { errors: this.#errors }),
      ...(this.#limit === undefined ? {} : { limit: this.#limit }),
    };
  }
}
