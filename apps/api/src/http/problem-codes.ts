/**
 * Every problem this API answers with: its stable `code`, and the one status and title that go with it.
 * Clients decide by `code`; a code never changes its meaning or its status.
 */
export const PROBLEMS = {
  malformed_request: { status: 400, title: 'The request is not valid HTTP' },
  invalid_path: { status: 400, title: 'The path is not valid' },
  invalid_header: { status: 400, title: 'A request header is not valid' },
  invalid_query: { status: 400, title: 'A query parameter is not valid' },
  invalid_cursor: { status: 400, title: 'The cursor was not issued by this API for this list' },
  invalid_json: { status: 400, title: 'The body is not valid JSON' },
  invalid_body: { status: 400, title: 'The body does not have the expected form' },
  unknown_region: { status: 400, title: 'The region is not one this service launches relays in' },
  unknown_instance_type: { status: 400, title: 'The instance type is not one that relays of the region run on' },
  lease_out_of_range: { status: 400, title: 'The lease is shorter or longer than allowed' },
  unauthenticated: { status: 401, title: 'A valid API key is required' },
  invalid_launch_token: { status: 401, title: 'The launch token is not valid' },
  invalid_session_secret: { status: 401, title: 'The session secret is not valid for this relay' },
  insufficient_scope: { status: 403, title: 'The API key lacks a scope this operation needs' },
  not_found: { status: 404, title: 'There is nothing at this path' },
  relay_not_found: { status: 404, title: 'There is no such relay' },
  key_not_found: { status: 404, title: 'There is no such API key' },
  instance_unknown: { status: 404, title: 'The instance is not recorded for this launch yet' },
  method_not_allowed: { status: 405, title: 'The method is not allowed at this path' },
  request_timeout: { status: 408, title: 'The request took too long to arrive' },
  relay_ended: { status: 409, title: 'The relay has ended or is ending' },
  key_revoked: { status: 409, title: 'The API key was revoked' },
  relay_gone: { status: 410, title: 'The relay has ended: its machine must shut down' },
  body_too_large: { status: 413, title: 'The body is too large' },
  unsupported_media_type: { status: 415, title: 'The body must be JSON in UTF-8' },
  idempotency_mismatch: { status: 422, title: 'The Idempotency-Key was used with another request' },
  rate_limited: { status: 429, title: 'Too many requests' },
  limit_reached: { status: 429, title: 'A limit on relays is reached' },
  headers_too_large: { status: 431, title: 'The request headers are too large' },
  internal_error: { status: 500, title: 'Something went wrong on our side' },
  too_many_streams: { status: 503, title: 'This server has as many event streams open as it can carry' },
  store_recovering: { status: 503, title: 'The relays of this region are being read back from EC2' },
  store_unavailable: { status: 503, title: 'The service cannot reach its store right now' },
} as const satisfies Record<string, { status: number; title: string }>;

export type ProblemCode = keyof typeof PROBLEMS;
