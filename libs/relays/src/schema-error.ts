/** This process and the store do not fit. The message is one line, written for the operator. */
export class SchemaError extends Error {
  override readonly name = 'SchemaError';
  readonly forOperator = true;
}
