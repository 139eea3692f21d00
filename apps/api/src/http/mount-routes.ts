import type { IRouter, Request, RequestHandler, Response } from 'express';
import * as z from 'zod';
import type { AuditCall } from '../audit/audit-calls.js';
import type { ApiKeys } from '../auth/api-keys.js';
import { authenticate, authorize } from '../auth/authorize.js';
import { bearerToken } from '../auth/bearer-token.js';
import type { FloodGuard } from '../limits/flood-guard.js';
import type { RateLimits } from '../limits/rate-limits.js';
import type { ApiServices } from '../routes/api-services.js';
import { credentialLifetime } from './credential-lifetime.js';
import { limitRate } from './limit-rate.js';
import { parseQuery } from './parse-query.js';
import { Problem } from './problem.js';
import { readJsonBody } from './read-json-body.js';
import { refuseMethod } from './refuse-method.js';
import { contextOf } from './request-context.js';
import { requestLifetime } from './request-lifetime.js';
import type { AgentOperation, ClientOperation, Reply, Route, StreamReply } from './route.js';
import { sendReply } from './send.js';
import { sendEventStream } from './send-event-stream.js';
import { toProblem } from './to-problem.js';
import { validate } from './validate.js';

/** Long enough for every id there is. */
const MAX_TARGET = 64;

const noQuery = z.strictObject({});

export interface RouteHost {
  keys: ApiKeys;
  services: ApiServices;
  audit: AuditCall;
  limits: RateLimits;
  floods: FloodGuard;
  /** Aborts when the process is about to end. */
  draining: AbortSignal;
}

/** Serves a table of routes. A path that exists answers 405 with `Allow` to every other method. */
export function mountRoutes(router: IRouter, routes: readonly Route[], host: RouteHost): void {
  for (const path of new Set(routes.map((route) => route.path))) {
    const siblings = routes.filter((route) => route.path === path);
    const mounted = router.route(path.replaceAll(/\{(\w+)\}/g, ':$1'));
    for (const route of siblings) mounted[route.method](serve(route, host));
    mounted.all(
      refuseMethod(
        path,
        siblings.map((route) => route.method.toUpperCase()),
      ),
    );
  }
}

function serve(route: Route, host: RouteHost): RequestHandler {
  return async (request, response) => {
    contextOf(response).route = route.path;
    const lifetime = (): AbortSignal => requestLifetime(response, host.draining);
    const reply = await answer(route, { request, response, lifetime }, host);
    if (!('follow' in reply)) return sendReply(response, reply);
    const { stallMs } = host.services.streams.settings;
    const { observer } = host.services.streams;
    const token = bearerToken(request.headers.authorization) ?? '';
    const isGood = async (): Promise<boolean> => (await host.keys.find(token)).outcome === 'good';
    const signal = credentialLifetime(isGood, lifetime());
    await sendEventStream({ request, response, signal, stallMs, observer }, (stream) => reply.follow(stream));
  };
}

/** Who asks comes before what they ask: nothing of a stranger's query or body is parsed. */
async function answer(route: Route, exchange: Exchange, host: RouteHost): Promise<Reply | StreamReply> {
  const context = contextOf(exchange.response);
  try {
    if ('credential' in route) {
      // A relay's agent is never refused for what others at its address do: it may stand behind the same proxy.
      if (!showsSession(route, exchange.request, host)) await host.floods.refuseFlood(context.address);
      return await route.handle(await parseInput(route, exchange), host.services);
    }
    return await answerClient(route, exchange, host);
  } catch (error) {
    if (error instanceof Problem && error.status === 401) await host.floods.count(context.address);
    throw error;
  }
}

function showsSession(route: AgentOperation, { params, headers }: Request, { services }: RouteHost): boolean {
  const token = route.credential === 'session_secret' ? bearerToken(headers.authorization) : null;
  return token !== null && services.credentials.sessionOf(String(params.id), token) !== null;
}

async function answerClient(route: ClientOperation, exchange: Exchange, host: RouteHost): Promise<Reply | StreamReply> {
  const { request, response } = exchange;
  const context = contextOf(response);
  const principal = await authenticate(host.keys, request.headers.authorization);
  context.principal = principal;
  context.target = Object.values(request.params)[0]?.toString().slice(0, MAX_TARGET) ?? null;
  await limitRate({ route, principal, response, limits: host.limits });
  // Past its rate a key can neither ask nor fill the audit log.
  const called = { route, principal, response };
  let noted: Promise<void> | undefined;
  const audit = ({ status, body }: Reply): Promise<void> => {
    context.target ??= idOf(body);
    noted ??= host.audit(called, { status, code: null });
    return noted;
  };
  try {
    authorize(principal, route.scope);
    const input = await parseInput(route, exchange);
    const reply = await route.handle({ ...input, principal, audit }, host.services);
    if (!('follow' in reply)) await audit(reply);
    return reply;
  } catch (error) {
    await (noted ?? host.audit(called, toProblem(error)));
    throw error;
  }
}

/** What a call made is what it was about. */
function idOf(body: unknown): string | null {
  if (typeof body !== 'object' || body === null) return null;
  if ('id' in body && typeof body.id === 'string') return body.id;
  return 'record' in body ? idOf(body.record) : null;
}

interface Exchange {
  request: Request;
  response: Response;
  lifetime(): AbortSignal;
}

async function parseInput(route: Route, { request, response, lifetime }: Exchange) {
  const asked = parseQuery(request.url);
  const query = route.query || asked ? validate(route.query ?? noQuery, asked ?? {}, 'query') : undefined;
  const headers = route.headers ? validate(route.headers, request.headers, 'header') : undefined;
  const body = route.body ? validate(route.body, await readJsonBody(request), 'body') : undefined;
  return {
    params: route.params ? validate(route.params, request.params, 'path') : undefined,
    query,
    headers,
    body,
    requestId: contextOf(response).requestId,
    lifetime,
  };
}
