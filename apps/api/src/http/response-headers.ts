/** Headers an answer may carry beyond the common ones, as the API documents them. */
export const RESPONSE_HEADERS = {
  Location: { description: 'Where the relay can be read.', type: 'string' },
  'Retry-After': { description: 'Seconds after which asking again makes sense.', type: 'integer' },
  'Idempotent-Replayed': {
    description: '`true` when an earlier request with the same Idempotency-Key made the relay.',
    type: 'string',
  },
  'Preference-Applied': { description: 'The wish of `Prefer` that was granted: `wait=N`.', type: 'string' },
  RateLimit: {
    description: 'What is left of this class of requests: `r` requests within `t` seconds.',
    type: 'string',
  },
  'RateLimit-Policy': { description: 'The limit: `q` requests in each window of `w` seconds.', type: 'string' },
  'WWW-Authenticate': {
    description: 'Which credential is asked for, and what is wrong with the one shown.',
    type: 'string',
  },
  ETag: { description: 'Names this state of what was read; for If-None-Match.', type: 'string' },
  'X-Request-Id': { description: 'Names this request in logs and problems; a client may choose it.', type: 'string' },
} as const satisfies Record<string, { description: string; type: 'string' | 'integer' }>;

export type ResponseHeader = keyof typeof RESPONSE_HEADERS;
