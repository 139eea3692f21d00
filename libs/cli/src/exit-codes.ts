import { ApiError, ConnectionLostError } from '@aegis/client';

/** What a script can decide by; `--help` lists them. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  notFound: 3,
  notAllowed: 4,
  refused: 5,
  unavailable: 6,
  relayEnded: 7,
  faultyConfig: 8,
  tooMany: 9,
  connectionLost: 10,
  interrupted: 130,
} as const;

/** The relay a command waited for will never be what it waited for. */
export class RelayEndedError extends Error {}

/** A configuration file has faults; each has been printed. */
export class FaultyConfigError extends Error {}

/** The command line itself is wrong. */
export class UsageError extends Error {}

export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return EXIT.usage;
  if (error instanceof RelayEndedError) return EXIT.relayEnded;
  if (error instanceof FaultyConfigError) return EXIT.faultyConfig;
  if (error instanceof ConnectionLostError) return EXIT.connectionLost;
  if (!(error instanceof ApiError)) return isNetworkError(error) ? EXIT.unavailable : EXIT.failed;
  if (error.status === 404) return EXIT.notFound;
  if (error.status === 401 || error.status === 403) return EXIT.notAllowed;
  // Unlike what is refused for what it says, this may be taken later as it is.
  if (error.status === 429) return EXIT.tooMany;
  return error.status >= 500 ? EXIT.unavailable : EXIT.refused;
}

/** What `fetch` throws when no answer came. */
export function isNetworkError(error: unknown): boolean {
  return error instanceof TypeError && error.message === 'fetch failed';
}

export function describeError(error: unknown): string {
  if (error instanceof ApiError) {
    const { problem, status, message, retryAfterSeconds } = error;
    const later = retryAfterSeconds === null ? '' : `; worth another try in ${retryAfterSeconds} s`;
    const faults = (problem?.errors ?? []).map((fault) => `\n  ${fault.pointer ?? fault.name}: ${fault.message}`);
    return problem
      ? `${message} (${problem.code}, request ${problem.requestId})${later}${faults.join('')}`
      : `${status}: ${message}${later}`;
  }
  if (error instanceof ConnectionLostError) return `${error.message}: ${describeError(error.cause)}`;
  if (isNetworkError(error)) return `the API cannot be reached: ${causeOf(error)}`;
  return error instanceof Error ? error.message : String(error);
}

function causeOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  if (cause instanceof AggregateError && cause.errors[0] instanceof Error) return cause.errors[0].message;
  return cause instanceof Error ? cause.message : 'no connection';
}
