import { NotReplicatedError } from '@aegis/relays';

const NETWORK_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
]);

/** Errors of ioredis and redis-errors by name, then by the only thing some of them carry: their message. */
const CLIENT_ERRORS = new Set(['MaxRetriesPerRequestError', 'AbortError', 'InterruptError', 'ClusterAllFailedError']);
const CLIENT_MESSAGES =
  /^(Connection is closed|Stream isn't writeable|Command timed out|Cluster isn't ready|None of startup nodes)/;

/**
 * Replies of a Redis that is there but cannot store: loading, failing over, full, or unable to persist; and of the store's
 * scripts in a layout that is not this process's (SCHEMA), which is about to migrate it or to end.
 */
const REFUSALS =
  /^(LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|MOVED|ASK|NOREPLICAS|MISCONF|OOM|BUSY|NOAUTH|WRONGPASS|SCHEMA) /;

/** Whether an error means that Redis is away or refuses writes: the caller may try again later. */
export function isStoreUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof NotReplicatedError) return true;
  if ('code' in error && typeof error.code === 'string' && NETWORK_CODES.has(error.code)) return true;
  return CLIENT_ERRORS.has(error.name) || CLIENT_MESSAGES.test(error.message) || REFUSALS.test(error.message);
}
