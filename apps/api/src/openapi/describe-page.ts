import type { ProblemCode } from '../http/problem-codes.js';
import type { OperationsPage, PageAnswer } from '../routes/operations-pages.js';
import { describeProblems, headerReferences } from './describe-problems.js';
import type { Content, OperationObject } from './document-types.js';
import type { SchemaCollector } from './schema-collector.js';

/** What comes before any page is looked at. */
const EVERYWHERE: readonly ProblemCode[] = [
  'malformed_request',
  'request_timeout',
  'headers_too_large',
  'internal_error',
];

const PROBLEM_HEADERS = { 401: ['WWW-Authenticate'], 429: ['Retry-After'] } as const;

/** One page beside the table as an OpenAPI operation. */
export function describePage(page: OperationsPage, schemas: SchemaCollector): OperationObject {
  const { operationId, summary, description, takesMetricsToken, answers } = page;
  const problems = [...page.problems, ...EVERYWHERE, ...(takesMetricsToken ? (['unauthenticated'] as const) : [])];
  const described = Object.entries(answers).map(([status, answer]) => [
    status,
    { description: answer.description, headers: headerReferences(), content: describeContent(answer, schemas) },
  ]);
  return {
    operationId,
    summary,
    ...(description !== undefined && { description }),
    tags: ['operations'],
    security: takesMetricsToken ? [{ metricsToken: [] }] : [],
    responses: { ...Object.fromEntries(described), ...describeProblems(problems, PROBLEM_HEADERS, schemas) },
  };
}

function describeContent({ contentTypes, schema }: PageAnswer, schemas: SchemaCollector): Content {
  const described = schema ? schemas.describe(schema, 'output') : { type: 'string' };
  return Object.fromEntries(contentTypes.map((type) => [type, { schema: described }]));
}
