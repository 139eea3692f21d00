import type { ProblemCode } from './problem-codes.js';
import type { Route } from './route.js';

const EVERYWHERE: readonly ProblemCode[] = [
  'malformed_request',
  'invalid_query',
  'rate_limited',
  'request_timeout',
  'headers_too_large',
  'internal_error',
];

/** Every problem that a route may answer with: its own, and what its place in the table brings along. */
export function problemsOf(route: Route): ProblemCode[] {
  return [
    ...new Set<ProblemCode>([
      ...route.problems,
      ...EVERYWHERE,
      ...('scope' in route ? (['unauthenticated', 'insufficient_scope'] as const) : []),
      ...(route.params ? (['invalid_path'] as const) : []),
      ...(route.headers ? (['invalid_header'] as const) : []),
      ...(route.body ? (['invalid_json', 'invalid_body', 'body_too_large', 'unsupported_media_type'] as const) : []),
    ]),
  ];
}
