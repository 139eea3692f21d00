import type * as z from 'zod';
import type { ProblemError } from '../schemas/problem.js';
import { Problem } from './problem.js';
import type { ProblemCode } from './problem-codes.js';

/** Where a value came from: decides the general code and how a fault is addressed. */
export type Source = 'body' | 'query' | 'header' | 'path';

const MAX_ERRORS = 20;
const MAX_TEXT = 200;

/** Faults with a code of their own, when the request has no other. */
const SPECIFIC_CODES: Record<string, { issues: readonly string[]; type: string; code: ProblemCode }> = {
  region: { issues: ['invalid_value'], type: 'string', code: 'unknown_region' },
  leaseSeconds: { issues: ['too_small', 'too_big'], type: 'number', code: 'lease_out_of_range' },
};

/** The parsed value, or a 400 that names each fault. */
export function validate<T>(schema: z.ZodType<T>, value: unknown, source: Source): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues;
  throw new Problem(problemCode(issues, value, source), {
    detail: clip(issues[0]?.message ?? ''),
    errors: issues.flatMap((issue) => toErrors(issue, source)).slice(0, MAX_ERRORS),
  });
}

function problemCode(issues: readonly z.core.$ZodIssue[], value: unknown, source: Source): ProblemCode {
  const fields = new Set(issues.map((issue) => String(issue.path[0])));
  const [field = ''] = fields;
  const specific = Object.hasOwn(SPECIFIC_CODES, field) ? SPECIFIC_CODES[field] : undefined;
  const isThat = (issue: z.core.$ZodIssue): boolean =>
    specific?.issues.includes(issue.code) === true && typeof valueAt(value, issue.path) === specific.type;
  return specific && fields.size === 1 && issues.every(isThat) ? specific.code : `invalid_${source}`;
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown>)[key], value);
}

function toErrors(issue: z.core.$ZodIssue, source: Source): ProblemError[] {
  const paths = issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...issue.path, key]) : [issue.path];
  return paths.map((path) => ({
    ...(source === 'body' ? { pointer: clip(jsonPointer(path)) } : { name: clip(String(path[0])) }),
    code: issue.code === 'unrecognized_keys' ? 'unknown_field' : issue.code,
    message: issue.code === 'unrecognized_keys' ? 'Unknown field' : clip(issue.message),
  }));
}

function jsonPointer(path: readonly PropertyKey[]): string {
  return path.map((key) => `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/** A client's own words are echoed only in part: an answer must not grow with what was sent. */
function clip(text: string): string {
  return text.length <= MAX_TEXT ? text : `${text.slice(0, MAX_TEXT)}…`;
}
