import { Ec2Error } from '../protocol/ec2-error.js';
import type { QueryParams } from '../protocol/query-params.js';

/** Opaque to callers: where the next page starts. */
export function pageToken(after: number): string {
  return Buffer.from(JSON.stringify({ after })).toString('base64url');
}

export function readPageToken(params: QueryParams): number {
  const token = params.string('NextToken');
  if (token === undefined || token === '') return 0;
  const match = /^\{"after":(\d{1,15})\}$/.exec(Buffer.from(token, 'base64url').toString('utf8'));
  if (match === null) throw new Ec2Error('InvalidParameterValue', 'Unable to parse pagination token');
  return Number(match[1]);
}

/** `MaxResults` within EC2's bounds, 5 to 1000. */
export function readPageSize(params: QueryParams, byDefault: number): number {
  const size = params.integer('MaxResults');
  if (size === undefined) return byDefault;
  if (size < 5 || size > 1000) {
    const bound = size < 5 ? 'greater than or equal to 5' : 'less than or equal to 1000';
    throw new Ec2Error(
      'InvalidParameterValue',
      `Value ( ${size} ) for parameter maxResults is invalid. Expecting a value ${bound}.`,
    );
  }
  return size;
}
