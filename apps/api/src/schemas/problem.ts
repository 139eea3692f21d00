import * as z from 'zod';
import { PROBLEMS, type ProblemCode } from '../http/problem-codes.js';

const problemErrorSchema = z.strictObject({
  pointer: z.string().optional().describe('JSON pointer into the body'),
  name: z.string().optional().describe('Name of the header or query parameter'),
  code: z.string(),
  message: z.string(),
});

const reachedLimitSchema = z.strictObject({ name: z.string(), value: z.number().int() });

/** Which limit stood in the way, and how much it allows. */
export type ReachedLimit = z.infer<typeof reachedLimitSchema>;

/** One fault in what the client sent. */
export type ProblemError = z.infer<typeof problemErrorSchema>;

/** RFC 9457 problem details as this API sends them. */
export const problemSchema = z
  .strictObject({
    type: z.string(),
    title: z.string(),
    status: z.number().int(),
    detail: z.string().optional().describe('One sentence about this very request'),
    code: z.enum(Object.keys(PROBLEMS) as [ProblemCode, ...ProblemCode[]]),
    requestId: z.string(),
    errors: z.array(problemErrorSchema).optional(),
    limit: reachedLimitSchema.optional().describe('The limit that was reached'),
  })
  .meta({ id: 'Problem' });

export type ProblemBody = z.infer<typeof problemSchema>;
