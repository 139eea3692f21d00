import { randomUUID } from 'node:crypto';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Logger } from '@aegis/logging';
import { type Problem, problemBody } from './problem.js';
import type { Readiness } from './readiness.js';

export interface OperationsHandlerOptions {
  readiness: Readiness;
  logger: Logger;
  /** Answers `GET /metrics`; absent: the page is somewhere else. */
  metrics?: (request: IncomingMessage, response: ServerResponse) => unknown;
}

/** The whole site of a listener that serves operators only: `/healthz`, `/readyz` and, where given, `/metrics`. */
export function createOperationsHandler(options: OperationsHandlerOptions): RequestListener {
  type Page = (request: IncomingMessage, response: ServerResponse) => unknown;
  const pages = new Map<string, Page>([
    ['/healthz', options.readiness.healthz],
    ['/readyz', options.readiness.readyz],
  ]);
  if (options.metrics) pages.set('/metrics', options.metrics);

  return (request, response) => {
    const path = (request.url ?? '/').split('?', 1)[0] ?? '/';
    const page = pages.get(path);
    if (page === undefined) return sendProblem(response, { status: 404, title: 'Not Found', code: 'not_found' });
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('Allow', 'GET, HEAD');
      return sendProblem(response, { status: 405, title: 'Method Not Allowed', code: 'method_not_allowed' });
    }
    Promise.resolve(page(request, response)).catch((error: unknown) => {
      options.logger.error('operations page failed', { path, error });
      if (response.headersSent) response.destroy();
      else sendProblem(response, { status: 500, title: 'Internal Server Error', code: 'internal_error' });
    });
  };
}

function sendProblem(response: ServerResponse, problem: Problem): void {
  response.writeHead(problem.status, { 'Content-Type': 'application/problem+json' });
  response.end(problemBody(problem, randomUUID()));
}
