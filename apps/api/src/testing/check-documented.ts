import { expect } from '@jest/globals';
import { PROBLEMS } from '../http/problem-codes.js';
import { problemsOf } from '../http/problems-of.js';
import type { Route } from '../http/route.js';
import { createOpenApiDocument } from '../openapi/create-document.js';
import { problemSchema } from '../schemas/problem.js';
import type { Answer } from './answer.js';
import { createDocumentValidator } from './document-validator.js';

/** Fails unless the answer is one that the route table and the OpenAPI document both promise. */
export type CheckDocumented = (method: string, path: string, answer: Answer) => void;

export async function createCheckDocumented(routes: readonly Route[]): Promise<CheckDocumented> {
  const validator = createDocumentValidator(await createOpenApiDocument({ routes, pages: [], version: 'test' }));
  return (method, path, answer) => {
    const route = routes.find((each) => each.method === method.toLowerCase() && matches(each.path, path));
    expect(answer.headers.get('x-request-id')).toBeTruthy();
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    if (answer.status === 304) {
      expect(route?.method).toBe('get');
    } else if (answer.status < 400) {
      const documented = route?.responses[answer.status];
      expect(documented).toBeDefined();
      if (typeof answer.body !== 'string') documented?.schema?.parse(answer.body);
    } else {
      expect(answer.headers.get('content-type')).toBe('application/problem+json');
      const problem = problemSchema.parse(answer.body);
      expect(problem.requestId).toBe(answer.headers.get('x-request-id'));
      expect(problem.status).toBe(answer.status);
      expect(PROBLEMS[problem.code].status).toBe(answer.status);
      if (route) expect(problemsOf(route)).toContain(problem.code);
    }
    if (!route || answer.body === '') return;
    const contentType = answer.headers.get('content-type') ?? '';
    const place = { path: route.path, method: route.method, status: answer.status, contentType };
    expect(validator.faults(place, answer.body)).toEqual([]);
  };
}

function matches(template: string, path: string): boolean {
  const [bare = ''] = path.split('?', 1);
  return new RegExp(`^${template.replaceAll(/\{\w+\}/g, '[^/]*')}$`).test(bare);
}
