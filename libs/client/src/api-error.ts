import type { components } from './schema.js';

export type Problem = components['schemas']['Problem'];

/** The API said no. `problem.code` tells why and never changes its meaning. */
export class ApiError extends Error {
  override readonly name = 'ApiError';

  constructor(
    readonly status: number,
    /** Null when the answer did not come from the API: a proxy's own page, say. */
    readonly problem: Problem | null,
    /** After which asking again makes sense, where the answer said so. */
    readonly retryAfterSeconds: number | null = null,
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
  throw new ApiError(response.status, isProblem(error) ? error : null, retryAfterOf(response));
}

/** The API gives seconds; a proxy in front of it may give a date, and that is left alone. */
function retryAfterOf({ headers }: Response): number | null {
  const text = headers.get('retry-after') ?? '';
  return /^\d{1,6}$/.test(text) ? Number(text) : null;
}

function isProblem(value: unknown): value is Problem {
  return typeof value === 'object' && value !== null && 'code' in value && 'title' in value && 'requestId' in value;
}
