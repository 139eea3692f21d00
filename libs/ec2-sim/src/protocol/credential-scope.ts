import { Ec2Error, missingParameter } from './ec2-error.js';

/** Access key, date, region and service of the SigV4 `Credential=` or `X-Amz-Credential`. */
const SCOPE = /(?:^|[\s,])Credential=([^/,\s]+)\/(\d{8})\/([a-z0-9-]+)\/([a-z0-9-]+)\/aws4_request/;

export function authFailure(): Ec2Error {
  return new Ec2Error('AuthFailure', 'AWS was not able to validate the provided access credentials');
}

/**
 * The region a request is meant for, as its signature says. The signature itself is not verified: any credentials do,
 * and a test that needs bad ones injects an auth fault.
 */
export function regionOfAuthorization(authorization: string | undefined): string {
  if (authorization === undefined || authorization === '') throw missingParameter('AWSAccessKeyId');
  if (!authorization.startsWith('AWS4-HMAC-SHA256 ')) throw authFailure();
  const scope = SCOPE.exec(authorization);
  const region = scope?.[3];
  if (region === undefined || scope?.[4] !== 'ec2') throw authFailure();
  return region;
}
