import type { ApiKeyScope } from '@aegis/config';
import { Problem } from '../http/problem.js';
import type { ApiKeys, KeyVerdict, Principal } from './api-keys.js';
import { bearerToken } from './bearer-token.js';

/** The caller behind an Authorization header. @throws Problem 401 */
export async function authenticate(keys: ApiKeys, authorization: string | undefined): Promise<Principal> {
  const token = bearerToken(authorization);
  if (token === null) throw unauthenticated('');
  const verdict = await keys.find(token);
  if (verdict.outcome === 'good') return verdict.principal;
  throw unauthenticated(', error="invalid_token"', DETAILS[verdict.outcome]);
}

/** @throws Problem 403 unless the caller's key carries the scope */
export function authorize(principal: Principal, scope: ApiKeyScope): void {
  if (principal.scopes.has(scope)) return;
  throw new Problem('insufficient_scope', {
    detail: `This operation needs the scope ${scope}.`,
    headers: { 'WWW-Authenticate': `Bearer realm="aegis", error="insufficient_scope", scope="${scope}"` },
  });
}

const DETAILS: Record<Exclude<KeyVerdict['outcome'], 'good'>, string | undefined> = {
  unknown: undefined,
  expired: 'The key has expired.',
  revoked: 'The key was revoked.',
};

function unauthenticated(error: string, detail?: string): Problem {
  return new Problem('unauthenticated', {
    ...(detail !== undefined && { detail }),
    headers: { 'WWW-Authenticate': `Bearer realm="aegis"${error}` },
  });
}
