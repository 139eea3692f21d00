import type { RequestHandler } from 'express';
import { Problem } from './problem.js';
import { contextOf } from './request-context.js';

/** Answers 405 with `Allow` at a path that exists. */
export function refuseMethod(route: string, methods: readonly string[]): RequestHandler {
  const allow = (methods.includes('GET') ? [...methods, 'HEAD'] : methods).join(', ');
  return (_request, response) => {
    contextOf(response).route = route;
    throw new Problem('method_not_allowed', { detail: `Allowed here: ${allow}.`, headers: { Allow: allow } });
  };
}
