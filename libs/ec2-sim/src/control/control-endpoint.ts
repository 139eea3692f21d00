import type { IncomingMessage, ServerResponse } from 'node:http';
import { ZodError } from 'zod';
import { BodyTooLarge, readBody } from '../http/read-body.js';
import { ControlError } from './control-error.js';
import type { ControlHandler, ControlRoutes } from './control-routes.js';

/** Seeds of a hundred thousand tagged instances fit. */
const MAX_BODY_BYTES = 256 * 1024 * 1024;

/** The control API under `/_sim/`: JSON in and out. */
export class ControlEndpoint {
  readonly #routes: ControlRoutes;

  constructor(routes: ControlRoutes) {
    this.#routes = routes;
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const url = new URL(request.url ?? '/', 'http://simulator');
      const { handler, argument } = this.#find(request.method ?? 'GET', url.pathname);
      const text = await readBody(request, MAX_BODY_BYTES);
      const body: unknown = text === '' ? {} : JSON.parse(text);
      sendJson(response, 200, await handler({ body, query: url.searchParams, argument }));
    } catch (error) {
      const { status, message } = describe(error);
      sendJson(response, status, { error: message });
    }
  }

  #find(method: string, path: string): { handler: ControlHandler; argument: string } {
    const [, name = '', argument = ''] = /^\/_sim\/([a-z/]+?)(?:\/([^/a-z][^/]*|i-[^/]+))?\/?$/.exec(path) ?? [];
    const methods = this.#routes[argument === '' ? name : `${name}/:id`];
    if (methods === undefined) throw new ControlError(404, `no control call at ${path}`);
    const handler = methods[method];
    if (handler === undefined) throw new ControlError(405, `${method} is not allowed at ${path}`);
    return { handler, argument };
  }
}

function describe(error: unknown): { status: number; message: string } {
  if (error instanceof ControlError) return error;
  if (error instanceof BodyTooLarge) return { status: 413, message: error.message };
  if (error instanceof SyntaxError) return { status: 400, message: `not JSON: ${error.message}` };
  if (error instanceof ZodError) {
    const faults = error.issues.map((issue) => `${issue.path.join('.') || 'body'}: ${issue.message}`);
    return { status: 400, message: faults.join('; ') };
  }
  throw error;
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  const text = JSON.stringify(body);
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
  response.end(text);
}
