import type { Logger } from '@aegis/logging';
import type { ErrorRequestHandler } from 'express';
import { discardBody } from './discard-body.js';
import { isStoreUnavailable } from './is-store-unavailable.js';
import { Problem } from './problem.js';
import { contextOf } from './request-context.js';
import { sendProblem } from './send.js';

const RETRY_SECONDS = '1';

/** Turns whatever a request ended with into a problem; what nobody foresaw is logged whole and told to nobody. */
export function handleErrors(logger: Logger): ErrorRequestHandler {
  return (error: unknown, request, response, _next) => {
    const problem = toProblem(error);
    if (problem.code === 'internal_error') {
      logger.error('request failed', { requestId: contextOf(response).requestId, error });
    }
    if (response.headersSent) {
      // Half an answer cannot be taken back; cutting the connection is the only way to tell.
      response.destroy();
      return;
    }
    discardBody(request);
    sendProblem(response, problem);
  };
}

function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (isStoreUnavailable(error)) {
    return new Problem('store_unavailable', { headers: { 'Retry-After': RETRY_SECONDS }, cause: error });
  }
  // The router's own complaint about `%ZZ` in a path parameter.
  if (error instanceof URIError) return new Problem('invalid_path', { cause: error });
  return new Problem('internal_error', { cause: error });
}
