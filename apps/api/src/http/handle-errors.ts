import type { Logger } from '@aegis/logging';
import type { ErrorRequestHandler } from 'express';
import { discardBody } from './discard-body.js';
import { contextOf } from './request-context.js';
import { sendProblem } from './send.js';
import { toProblem } from './to-problem.js';

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
