import type { Request, Response } from 'express';
import type { Principal } from '../auth/api-keys.js';
import { clientAddress } from '../limits/client-address.js';

/** What middleware, routes and the access log share about one request. */
export class RequestContext {
  readonly requestId: string;
  /** `performance.now()` at its arrival. */
  readonly startedAt = performance.now();
  /** The template of the route that matched. */
  route: string | null = null;
  principal: Principal | null = null;
  /** What it was about, for the audit log. */
  target: string | null = null;
  /** Its duration is the client's own wish: a stream, or `Prefer: wait`. */
  untimed = false;
  /** What its answer says about the rate limit. */
  rateHeaders: Readonly<Record<string, string>> | null = null;
  /** Why it was refused. */
  problemCode: string | null = null;
  readonly #request: Request;
  #address: string | null = null;

  constructor(requestId: string, request: Request) {
    this.requestId = requestId;
    this.#request = request;
  }

  /** The client's network address. Reads that go well never ask for it. */
  get address(): string {
    this.#address ??= clientAddress(this.#request);
    return this.#address;
  }
}

export function openContext(response: Response, context: RequestContext): void {
  response.locals.context = context;
}

export function contextOf(response: Response): RequestContext {
  return response.locals.context as RequestContext;
}
