/** The smallest RFC 9457 body: what the shell answers itself, before or beside any route of an app. */
export interface Problem {
  status: number;
  title: string;
  /** Stable, snake_case. */
  code: string;
}

export function problemBody(problem: Problem, requestId: string): string {
  return JSON.stringify({ type: 'about:blank', ...problem, requestId });
}
