import type { AwsFailure } from './aws-failure.js';
import type { Ec2Operation } from './ec2-operation.js';

/** The one error the provider throws: a call to AWS that ended without a result. */
export class CloudError extends Error {
  override readonly name = 'CloudError';

  constructor(
    readonly region: string,
    readonly op: Ec2Operation,
    readonly failure: AwsFailure,
    options?: ErrorOptions,
  ) {
    super(`${op} in ${region}: ${failure.code}: ${failure.message}`, options);
  }
}
