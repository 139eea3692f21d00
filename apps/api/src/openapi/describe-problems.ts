import { PROBLEM_CONTENT_TYPE } from '../http/problem.js';
import { PROBLEMS, type ProblemCode } from '../http/problem-codes.js';
import type { ResponseHeader } from '../http/response-headers.js';
import { problemSchema } from '../schemas/problem.js';
import type { ResponseObject } from './document-types.js';
import type { SchemaCollector } from './schema-collector.js';

/** Headers of problems, by status. */
export type ProblemHeaders = Readonly<Record<number, readonly ResponseHeader[]>>;

/** One response a status; the description tells which codes it may carry. */
export function describeProblems(
  problems: readonly ProblemCode[],
  headers: ProblemHeaders,
  schemas: SchemaCollector,
): Record<string, ResponseObject> {
  const byStatus = new Map<number, ProblemCode[]>();
  for (const code of problems) {
    const { status } = PROBLEMS[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [
      String(status),
      {
        description: codes.map((code) => `\`${code}\`: ${PROBLEMS[code].title}.`).join(' '),
        headers: headerReferences(headers[status]),
        content: { [PROBLEM_CONTENT_TYPE]: { schema: schemas.describe(problemSchema, 'output') } },
      },
    ]),
  );
}

export function headerReferences(names: readonly ResponseHeader[] = []): Record<string, { $ref: string }> {
  return Object.fromEntries(
    [...names, 'X-Request-Id' as const].map((name) => [name, { $ref: `#/components/headers/${name}` }]),
  );
}
