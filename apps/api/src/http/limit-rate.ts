import type { Response } from 'express';
import type { Principal } from '../auth/api-keys.js';
import { type RateLimits, routeClass } from '../limits/rate-limits.js';
import { Problem } from './problem.js';
import { contextOf } from './request-context.js';
import type { ClientOperation } from './route.js';

export interface LimitedRequest {
  route: ClientOperation;
  principal: Principal;
  response: Response;
  limits: RateLimits;
}

/**
 * Counts a request of a key and tells it what is left, in the headers of draft-ietf-httpapi-ratelimit-headers.
 * @throws Problem past the limit
 */
export async function limitRate({ route, principal, response, limits }: LimitedRequest): Promise<void> {
  const name = routeClass(route);
  if (name === null) return;
  // A name cannot hold the colon: no stored key is ever taken for a configured one.
  const verdict = await limits.take(name, principal.keyId ?? `configured:${principal.keyName}`);
  if (verdict === null) return;
  const { windowSeconds } = limits.settings;
  contextOf(response).rateHeaders = {
    'RateLimit-Policy': `"${name}";q=${limits.settings[name]};w=${windowSeconds}`,
    RateLimit: `"${name}";r=${verdict.remaining};t=${verdict.resetSeconds}`,
  };
  if (verdict.allowed) return;
  throw new Problem('rate_limited', {
    detail: `This key may send ${limits.settings[name]} ${name} requests in ${windowSeconds} s.`,
    headers: { 'Retry-After': String(verdict.resetSeconds) },
  });
}
