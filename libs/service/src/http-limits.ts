import type { ServerOptions } from 'node:http';

/**
 * Bounds for clients that are slow, broken or hostile. Long answers (event streams, waits) are not bounded here: only
 * the receiving of a request is.
 */
export const HTTP_LIMITS = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  /** Longer than the 60 s idle time-out of common load balancers, so that they close first and never meet a reset. */
  keepAliveTimeout: 65_000,
  maxHeaderSize: 16 * 1024,
  /** Node looks for slow clients only this often; its default of 30 s would stretch every limit above. */
  connectionsCheckingInterval: 2_000,
} as const satisfies ServerOptions;

export const MAX_CONNECTIONS = 10_000;
export const MAX_HEADER_COUNT = 200;
