import type { components } from './schema.js';

export type Problem = components['schemas']['Problem'];

/** The API said no. `problem.code` tells why and never changes its meaning. */
export class ApiError extends Error {
  override readonly name = 'ApiError';

  constructor(
    readonly status: number,
    /** Null when the answer did not come from the API: a proxy's own page, say. */
    readonly problem: Problem | null,
  ) {
    super(problem ? (problem.detail ?? problem.title) : `The server answered ${status} without a problem document`);
  }
}

/** What the client's calls resolve with. */
interface CallResult<Data> {
  data?: Data;
  error?: unknown;
  response: Response;
}

/** The data of a call. @throws ApiError when the API refused. */
export function dataOf<Data>({ data, error, response }: CallResult<Data>): Data {
  if (response.ok) return data as Data;
  throw new ApiError(response.status, isProblem(error) ? error : null);
}

function isProblem(value: unknown): value is Problem {
  return typeof value === 'object' && value !== null && 'code' in value && 'title' in value && 'requestId' in value;
}
