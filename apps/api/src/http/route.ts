import type { ApiKeyScope } from '@aegis/config';
import type * as z from 'zod';
import type { Principal } from '../auth/api-keys.js';
import type { ApiServices } from '../routes/api-services.js';
import type { EventStream } from './event-stream.js';
import type { ProblemCode } from './problem-codes.js';
import type { ResponseHeader } from './response-headers.js';

/** What a route answers; `body` is sent as JSON. */
export interface Reply {
  status: number;
  body?: unknown;
  headers?: Readonly<Record<string, string>>;
  /** The client had asked to wait: how long it took says nothing about this service. */
  waited?: boolean;
}

/** An answer of Server-Sent Events that goes on for as long as `follow` does. */
export interface StreamReply {
  follow(stream: EventStream): Promise<void>;
}

export interface RouteInput<Params, Query, Headers, Body> {
  params: Params;
  query: Query;
  headers: Headers;
  body: Body;
  requestId: string;
  /** A signal that aborts when nobody waits for the answer any more, or the process is about to end. */
  lifetime(): AbortSignal;
}

export interface ResponseDoc {
  description: string;
  schema?: z.ZodType;
  /** Beyond those every answer carries. */
  headers?: readonly ResponseHeader[];
  /** It may also come as a stream of Server-Sent Events, if the client accepts that. */
  streams?: boolean;
}

interface RouteDoc {
  method: 'get' | 'post' | 'put' | 'delete';
  /** OpenAPI style: `/api/v1/relays/{id}`. Also the `route` label of HTTP metrics. */
  path: string;
  operationId: string;
  summary: string;
  /** What the summary leaves open, in Markdown. */
  description?: string;
  /** The chapter of the documentation it stands in. */
  tag: 'relays' | 'regions' | 'admin' | 'agents';
  responses: Readonly<Record<number, ResponseDoc>>;
  /** The problems it answers with beyond those any route may. */
  problems: readonly ProblemCode[];
}

interface RouteSchemas<Params, Query, Headers, Body> {
  params?: z.ZodType<Params>;
  /** Without one, any query parameter is refused. */
  query?: z.ZodType<Query>;
  /** Header names in lower case. */
  headers?: z.ZodType<Headers>;
  /** Without one, a body is not read. Accepts undefined when the body may be missing. */
  body?: z.ZodType<Body>;
}

interface ClientRoute<P, Q, H, B> extends RouteDoc, RouteSchemas<P, Q, H, B> {
  /** What the caller's API key must carry. */
  scope: ApiKeyScope;
  handle(input: ClientInput<P, Q, H, B>, services: ApiServices): Promise<Reply | StreamReply>;
}

interface ClientInput<P, Q, H, B> extends RouteInput<P, Q, H, B> {
  principal: Principal;
  /**
   * For a call that waits after it has done what it was asked for: what the audit log says of it, before the wait. All
   * others are noted by what they answer.
   */
  audit(reply: Reply): Promise<void>;
}

interface AgentRoute<P, Q, H, B> extends RouteDoc, RouteSchemas<P, Q, H, B> {
  /** What the agent shows: its launch gave it the one, its check-in the other. The route itself verifies it. */
  credential: 'launch_token' | 'session_secret';
  handle(input: RouteInput<P, Q, H, B>, services: ApiServices): Promise<Reply>;
}

export type ClientOperation = ClientRoute<unknown, unknown, unknown, unknown>;

export type AgentOperation = AgentRoute<unknown, unknown, unknown, unknown>;

/** One operation of the API as data: what serves it, documents it and tests it is derived from here. */
export type Route = ClientOperation | AgentOperation;

/** A route for clients with an API key. */
export function clientRoute<P = undefined, Q = undefined, H = undefined, B = undefined>(
  route: ClientRoute<P, Q, H, B>,
): Route {
  return route;
}

/** A route for relay agents. */
export function agentRoute<P = undefined, Q = undefined, H = undefined, B = undefined>(
  route: AgentRoute<P, Q, H, B>,
): Route {
  return route;
}
