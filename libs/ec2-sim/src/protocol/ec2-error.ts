const NOT_400: Readonly<Record<string, number>> = {
  AuthFailure: 401,
  OptInRequired: 401,
  Blocked: 403,
  UnauthorizedOperation: 403,
  DryRunOperation: 412,
  InternalError: 500,
  InternalFailure: 500,
  InsufficientAddressCapacity: 500,
  InsufficientCapacity: 500,
  InsufficientHostCapacity: 500,
  InsufficientInstanceCapacity: 500,
  InsufficientReservedInstanceCapacity: 500,
  RequestLimitExceeded: 503,
  ServiceUnavailable: 503,
  Unavailable: 503,
};

/** EC2 answers most errors with 400; its capacity errors are server side (500), so the SDK retries them. */
export function httpStatusOf(code: string): number {
  return NOT_400[code] ?? 400;
}

/** An error EC2 answers with: its own code, message and HTTP status. */
export class Ec2Error extends Error {
  readonly code: string;
  readonly httpStatus: number;

  constructor(code: string, message: string, httpStatus: number = httpStatusOf(code)) {
    super(message);
    this.name = 'Ec2Error';
    this.code = code;
    this.httpStatus = httpStatus;
  }
}

export function missingParameter(name: string): Ec2Error {
  return new Ec2Error('MissingParameter', `The request must contain the parameter ${name}`);
}

export function invalidValue(name: string, value: string, hint = ''): Ec2Error {
  const tail = hint === '' ? '' : ` ${hint}`;
  return new Ec2Error('InvalidParameterValue', `Value (${value}) for parameter ${name} is invalid.${tail}`);
}
