import type { Response } from 'express';
import type { Principal } from '../auth/api-keys.js';

/** What middleware, routes and the access log share about one request. */
export interface RequestContext {
  requestId: string;
  /** `performance.now()` at its arrival. */
  startedAt: number;
  /** The client's network address. */
  readonly address: string;
  /** The template of the route that matched. */
  route: string | null;
  principal: Principal | null;
  /** What it was about, for the audit log. */
  target: string | null;
  /** Its duration is the client's own wish: a stream, or `Prefer: wait`. */
  untimed: boolean;
  /** What its answer says about the rate limit. */
  rateHeaders: Readonly<Record<string, string>> | null;
  /** Why it was refused. */
  problemCode: string | null;
}

export function openContext(response: Response, context: RequestContext): void {
  response.locals.context = context;
}

export function contextOf(response: Response): RequestContext {
  return response.locals.context as RequestContext;
}
