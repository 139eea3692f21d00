import { isStoreUnavailable } from './is-store-unavailable.js';
import { Problem } from './problem.js';

const RETRY_SECONDS = '1';

/** What a client is told of whatever a request ended with. */
export function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (isStoreUnavailable(error)) {
    return new Problem('store_unavailable', { headers: { 'Retry-After': RETRY_SECONDS }, cause: error });
  }
  // The router's own complaint about `%ZZ` in a path parameter.
  if (error instanceof URIError) return new Problem('invalid_path', { cause: error });
  return new Problem('internal_error', { cause: error });
}
