import type * as z from 'zod';
import { problemsOf } from '../http/problems-of.js';
import type { ResponseDoc, Route } from '../http/route.js';
import { describeProblems, headerReferences, type ProblemHeaders } from './describe-problems.js';
import type {
  JsonSchema,
  OperationObject,
  ParameterObject,
  ResponseObject,
  SecurityRequirement,
} from './document-types.js';
import type { SchemaCollector } from './schema-collector.js';

const IF_NONE_MATCH: ParameterObject = {
  name: 'If-None-Match',
  in: 'header',
  required: false,
  description: 'The ETag of what the client has already',
  schema: { type: 'string' },
};

const RATE_LIMIT_HEADERS = ['RateLimit', 'RateLimit-Policy'] as const;

const PROBLEM_HEADERS: ProblemHeaders = {
  401: ['WWW-Authenticate'],
  403: ['WWW-Authenticate'],
  429: ['Retry-After', ...RATE_LIMIT_HEADERS],
  503: ['Retry-After'],
};

/** One route of the table as an OpenAPI operation. */
export function describeOperation(route: Route, schemas: SchemaCollector): OperationObject {
  const parameters = [
    ...describeParameters('path', route.params, schemas),
    ...describeParameters('query', route.query, schemas),
    ...describeParameters('header', route.headers, schemas),
    ...(route.method === 'get' ? [IF_NONE_MATCH] : []),
  ];
  return {
    operationId: route.operationId,
    summary: route.summary,
    ...(route.description !== undefined && { description: route.description }),
    tags: [route.tag],
    security: describeSecurity(route),
    ...(parameters.length > 0 && { parameters }),
    ...(route.body && {
      requestBody: {
        required: !route.body.safeParse(undefined).success,
        content: { 'application/json': { schema: schemas.describe(route.body, 'input') } },
      },
    }),
    responses: { ...describeAnswers(route, schemas), ...describeProblems(problemsOf(route), PROBLEM_HEADERS, schemas) },
  };
}

function describeSecurity(route: Route): SecurityRequirement[] {
  if ('scope' in route) return [{ apiKey: [route.scope] }];
  return route.credential === 'session_secret' ? [{ sessionSecret: [] }] : [];
}

function describeParameters(
  place: ParameterObject['in'],
  schema: z.ZodType | undefined,
  schemas: SchemaCollector,
): ParameterObject[] {
  if (!schema) return [];
  const { properties = {}, required = [] } = schemas.describe(schema, 'input') as {
    properties?: Record<string, JsonSchema>;
    required?: string[];
  };
  return (
    Object.entries(properties)
      // Told by security and content types; OpenAPI ignores them as parameters.
      .filter(([name]) => name !== 'authorization' && name !== 'accept')
      .map(([name, { description, ...rest }]) => ({
        name: place === 'header' ? headerName(name) : name,
        in: place,
        required: place === 'path' || (required.includes(name) && !('default' in rest)),
        ...(typeof description === 'string' && { description }),
        schema: rest,
      }))
  );
}

/** `last-event-id` → `Last-Event-ID`. */
function headerName(name: string): string {
  return name.replace(/(^|-)\w/g, (start) => start.toUpperCase()).replace(/-Id$/, '-ID');
}

function describeAnswers(route: Route, schemas: SchemaCollector): Record<string, ResponseObject> {
  const reads = route.method === 'get';
  const rateLimited = 'scope' in route ? RATE_LIMIT_HEADERS : [];
  const unchanged = { description: 'The client has it already', headers: headerReferences(['ETag', ...rateLimited]) };
  const answers = Object.entries(route.responses).map(([status, answer]) => [
    status,
    {
      description: answer.description,
      headers: headerReferences([
        ...(answer.headers ?? []),
        ...(reads && status === '200' ? ['ETag' as const] : []),
        ...rateLimited,
      ]),
      ...describeContent(answer, schemas),
    },
  ]);
  return Object.fromEntries([...answers, ...(reads ? [['304', unchanged]] : [])]);
}

function describeContent(answer: ResponseDoc, schemas: SchemaCollector): Pick<ResponseObject, 'content'> {
  if (!answer.schema) return {};
  return {
    content: {
      'application/json': { schema: schemas.describe(answer.schema, 'output') },
      ...(answer.streams && { 'text/event-stream': { schema: { type: 'string' } } }),
    },
  };
}
