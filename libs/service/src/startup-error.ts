/**
 * An error whose message is written for the operator: whole, plain, and with what to do. It is shown without a stack.
 * Other packages may throw their own errors of this kind; the mark is what counts.
 */
export interface OperatorError extends Error {
  readonly forOperator: true;
}

export function isOperatorError(error: unknown): error is OperatorError {
  return error instanceof Error && (error as Partial<OperatorError>).forOperator === true;
}

/** The service cannot start, and the operator can do something about it. */
export class StartupError extends Error implements OperatorError {
  override readonly name = 'StartupError';
  readonly forOperator = true;
}
