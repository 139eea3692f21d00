import { randomUUID } from 'node:crypto';
import type { Logger } from '@aegis/logging';
import type { Metrics } from '@aegis/metrics';
import type { RequestHandler, Response } from 'express';
import { contextOf, openContext, RequestContext } from './request-context.js';

const REQUEST_ID = /^[\w.:/+=@-]{1,128}$/;
const READS = new Set(['GET', 'HEAD']);

export interface RequestObserver {
  logger: Logger;
  metrics: Pick<Metrics, 'httpRequest'>;
}

/** Gives each request its id and, once it is answered, counts it, times it and writes its line in the access log. */
export function observeRequests({ logger, metrics }: RequestObserver): RequestHandler {
  // One listener for all responses: it finds its own in `this`.
  function onClose(this: Response): void {
    const { route, startedAt, untimed } = contextOf(this);
    const durationMs = performance.now() - startedAt;
    const { method } = this.req;
    const code = answeredStatus(this);
    const timed = untimed ? {} : { durationSeconds: durationMs / 1000 };
    metrics.httpRequest({ method, route: route ?? 'other', code, ...timed });
    logRequest(logger, this, durationMs);
  }
  return (request, response, next) => {
    const given = request.headers['x-request-id'];
    const requestId = typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
    openContext(response, new RequestContext(requestId, request));
    response.on('close', onClose);
    next();
  };
}

/** What Nginx logs for a client that went away before it was answered; Node would say 200. */
const CLIENT_CLOSED_REQUEST = 499;

function answeredStatus({ headersSent, statusCode }: Response): number {
  return headersSent ? statusCode : CLIENT_CLOSED_REQUEST;
}

/** Reads that went well are of interest only to whoever debugs. */
function logRequest(logger: Logger, response: Response, durationMs: number): void {
  const { method } = response.req;
  const status = answeredStatus(response);
  const level = READS.has(method) && status < 500 ? 'debug' : 'info';
  if (!logger.enabled(level)) return;
  const { requestId, route, address, principal, problemCode } = contextOf(response);
  logger[level]('request', {
    requestId,
    method,
    route,
    address,
    status,
    durationMs: Math.round(durationMs * 10) / 10,
    ...(principal && { tenant: principal.tenant, key: principal.keyName }),
    ...(problemCode && { code: problemCode }),
    ...(response.writableFinished ? {} : { aborted: true }),
  });
}
