import type { Logger } from '@aegis/logging';
import type { Metrics } from '@aegis/metrics';
import express, { type Express, type IRouter, type RequestHandler } from 'express';
import type { AuditCall } from '../audit/audit-calls.js';
import type { ApiKeys } from '../auth/api-keys.js';
import type { FloodGuard } from '../limits/flood-guard.js';
import type { RateLimits } from '../limits/rate-limits.js';
import type { ApiServices } from '../routes/api-services.js';
import { handleErrors } from './handle-errors.js';
import { mountRoutes } from './mount-routes.js';
import { observeRequests } from './observe-requests.js';
import { Problem } from './problem.js';
import { refuseMethod } from './refuse-method.js';
import { contextOf } from './request-context.js';
import type { Route } from './route.js';

export interface AppOptions {
  routes: readonly Route[];
  keys: ApiKeys;
  services: ApiServices;
  audit: AuditCall;
  limits: RateLimits;
  floods: FloodGuard;
  /** Addresses and CIDR blocks. */
  trustedProxies: readonly string[];
  /** Aborts when the process is about to end. */
  draining: AbortSignal;
  /** `/healthz` and the like, by path; without a key. */
  operations: ReadonlyMap<string, RequestHandler>;
  metrics: Pick<Metrics, 'httpRequest'>;
  logger: Logger;
}

export function createApp(options: AppOptions): Express {
  const { routes, keys, services, audit, limits, floods, trustedProxies, draining, operations, metrics, logger } =
    options;
  const app = express();
  app.enable('case sensitive routing');
  app.disable('x-powered-by');
  app.disable('etag');
  // Routes parse the query themselves, with their schemas.
  app.disable('query parser');
  app.set('trust proxy', [...trustedProxies]);
  app.use(observeRequests({ logger, metrics }));
  // On the app itself: a router of its own would be walked into and out of for every request.
  mountRoutes(app, routes, { keys, services, audit, limits, floods, draining });
  mountOperations(app, operations, floods);
  app.use(() => {
    throw new Problem('not_found');
  });
  app.use(handleErrors(logger));
  return app;
}

/** Probes come often, from few addresses, and cost nothing. */
const UNCOUNTED: ReadonlySet<string> = new Set(['/healthz', '/readyz']);

function mountOperations(router: IRouter, operations: ReadonlyMap<string, RequestHandler>, floods: FloodGuard): void {
  for (const [path, page] of operations) {
    router
      .route(path)
      .get(async (request, response, next) => {
        const context = contextOf(response);
        context.route = path;
        if (!UNCOUNTED.has(path)) await floods.count(context.address);
        response.setHeader('X-Request-Id', context.requestId);
        return page(request, response, next);
      })
      .all(refuseMethod(path, ['GET']));
  }
}
