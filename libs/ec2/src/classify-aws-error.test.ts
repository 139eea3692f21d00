import { describe, expect, test } from '@jest/globals';
import { refusal } from '../testing/stub-ec2.js';
import { REGION, useStubEc2 } from '../testing/stub-setup.js';
import type { AwsFailureKind } from './aws-failure.js';
import { classifyAwsError } from './classify-aws-error.js';
import { CloudError } from './cloud-error.js';

const bench = useStubEc2();

async function failureOf(call: Promise<unknown>) {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof CloudError)) throw new Error(`expected a CloudError, got ${String(error)}`);
  return error.failure;
}

/** What EC2 sends, read by the real SDK. HTTP statuses as its error reference and public issues show them. */
const ANSWERS: [AwsFailureKind, 'nothing_happened' | 'unknown', number, string[]][] = [
  ['throttled', 'nothing_happened', 503, ['RequestLimitExceeded', 'Throttling', 'RequestThrottled']],
  ['throttled', 'nothing_happened', 400, ['ThrottlingException']],
  ['throttled', 'nothing_happened', 429, ['SomethingNew']],
  [
    'capacity',
    'nothing_happened',
    500,
    ['InsufficientInstanceCapacity', 'InsufficientHostCapacity', 'InsufficientCapacity', 'InsufficientAddressCapacity'],
  ],
  [
    'capacity',
    'nothing_happened',
    400,
    [
      'InsufficientReservedInstanceCapacity',
      'Unsupported',
      'InsufficientFreeAddressesInSubnet',
      'MaxSpotInstanceCountExceeded',
      'SpotMaxPriceTooLow',
    ],
  ],
  ['quota', 'nothing_happened', 400, ['InstanceLimitExceeded', 'VcpuLimitExceeded', 'AddressLimitExceeded']],
  ['server', 'unknown', 500, ['InternalError', 'InternalFailure', 'SomethingNew']],
  ['server', 'unknown', 503, ['Unavailable', 'ServiceUnavailable']],
  ['credentials', 'nothing_happened', 401, ['AuthFailure']],
  [
    'credentials',
    'nothing_happened',
    403,
    ['UnrecognizedClientException', 'InvalidClientTokenId', 'SignatureDoesNotMatch', 'OptInRequired', 'Blocked'],
  ],
  ['credentials', 'nothing_happened', 400, ['ExpiredToken', 'RequestExpired', 'ExpiredTokenException']],
  ['unauthorized', 'nothing_happened', 403, ['UnauthorizedOperation', 'AccessDenied']],
  ['not_found', 'nothing_happened', 400, ['InvalidInstanceID.NotFound']],
  ['not_permitted', 'unknown', 400, ['OperationNotPermitted']],
  ['idempotent_mismatch', 'nothing_happened', 400, ['IdempotentParameterMismatch']],
  ['idempotent_terminated', 'nothing_happened', 400, ['IdempotentInstanceTerminated']],
  [
    'rejected',
    'nothing_happened',
    400,
    [
      'InvalidParameterValue',
      'InvalidAMIID.NotFound',
      'InvalidAMIID.Malformed',
      'InvalidSubnetID.NotFound',
      'InvalidGroup.NotFound',
      'MissingParameter',
      'IncorrectInstanceState',
      'SomethingNew',
    ],
  ],
  ['rejected', 'nothing_happened', 412, ['DryRunOperation']],
];

describe('an answer of EC2', () => {
  const cases = ANSWERS.flatMap(([kind, outcome, status, codes]) =>
    codes.map((code) => ({ kind, outcome, status, code })),
  );
  test.each(cases)('$code ($status) is $kind, $outcome', async ({ kind, outcome, status, code }) => {
    bench.stub.answer(refusal(status, code, 'a reason'));
    const failure = await failureOf(bench.provider({ maxAttempts: 1 }).describeByIds(REGION, ['i-0123456789abcdef0']));
    expect(failure).toEqual({ kind, code, outcome, message: 'a reason', instanceIds: [], requestId: 'req-1' });
  });

  test('names the instances it is about', async () => {
    const message = "The instance IDs 'i-0123456789abcdef0, i-1a2b3c4d' do not exist";
    bench.stub.answer(refusal(400, 'InvalidInstanceID.NotFound', message));
    const failure = await failureOf(bench.provider().describeByIds(REGION, ['i-0']));
    expect(failure.instanceIds).toEqual(['i-0123456789abcdef0', 'i-1a2b3c4d']);
  });

  test('InvalidID about an instance is an instance that does not exist', async () => {
    bench.stub.answer(refusal(400, 'InvalidID', "The ID 'i-0123456789abcdef0' is not valid"));
    const failure = await failureOf(bench.provider().describeByIds(REGION, ['i-0']));
    expect(failure).toMatchObject({ kind: 'not_found', instanceIds: ['i-0123456789abcdef0'] });
  });

  test.each([
    { status: 502, body: '<html><body><h1>502 Bad Gateway</h1></body></html>', kind: 'server', outcome: 'unknown' },
    { status: 503, body: 'upstream connect error', kind: 'server', outcome: 'unknown' },
    { status: 500, body: '', kind: 'server', outcome: 'unknown' },
    { status: 404, body: '', kind: 'rejected', outcome: 'nothing_happened' },
    { status: 200, body: 'not xml at all', kind: 'unknown', outcome: 'unknown' },
    { status: 200, body: '<RunInstancesResponse><instancesSet>', kind: 'unknown', outcome: 'unknown' },
  ])('that is none ($status, "$body") is $kind', async ({ status, body, kind, outcome }) => {
    bench.stub.answer({ status, body });
    const failure = await failureOf(bench.provider({ maxAttempts: 1 }).describeByIds(REGION, ['i-0']));
    expect(failure).toMatchObject({ kind, outcome });
  });

  test('without a code is called by its HTTP status', async () => {
    bench.stub.answer({ status: 503, body: '<html><body>503</body></html>' });
    const failure = await failureOf(bench.provider({ maxAttempts: 1 }).describeByIds(REGION, ['i-0']));
    expect(failure.code).toBe('HTTP 503');
  });
});

describe('no answer of EC2', () => {
  test('because nobody listens: nothing happened', async () => {
    const { endpoint } = bench.stub;
    await bench.stub.close();
    const provider = bench.provider({ maxAttempts: 1, endpoint });
    expect(await failureOf(provider.describeByIds(REGION, ['i-0']))).toMatchObject({
      kind: 'connection',
      code: 'ECONNREFUSED',
      outcome: 'nothing_happened',
    });
  });

  test('because the connection was cut: who knows', async () => {
    bench.stub.answer('cut');
    const failure = await failureOf(bench.provider({ maxAttempts: 1 }).describeByIds(REGION, ['i-0']));
    expect(failure).toMatchObject({ kind: 'connection', code: 'ECONNRESET', outcome: 'unknown' });
  });

  test.each(['hang', 'stall'] as const)('because the connection is silent (%s): who knows', async (answer) => {
    bench.stub.answer(answer);
    const provider = bench.provider({ maxAttempts: 1, attemptTimeoutMs: 60 });
    expect(await failureOf(provider.describeByIds(REGION, ['i-0']))).toMatchObject({
      kind: 'timeout',
      outcome: 'unknown',
    });
  });

  test('because there are no credentials: nothing happened', async () => {
    const credentials = () => Promise.reject(Object.assign(new Error('none'), { name: 'CredentialsProviderError' }));
    expect(await failureOf(bench.provider({ credentials }).describeByIds(REGION, ['i-0']))).toMatchObject({
      kind: 'credentials',
      code: 'CredentialsProviderError',
      outcome: 'nothing_happened',
    });
    expect(bench.stub.calls).toEqual([]);
  });
});

describe('anything else', () => {
  test.each([
    [Object.assign(new Error('getaddrinfo'), { code: 'ENOTFOUND' }), 'connection', 'nothing_happened'],
    [Object.assign(new Error('x'), { code: 'ETIMEDOUT', syscall: 'connect' }), 'timeout', 'nothing_happened'],
    [Object.assign(new Error('Request aborted'), { name: 'AbortError' }), 'timeout', 'unknown'],
    [new Error('socket hang up'), 'connection', 'unknown'],
    [new TypeError('x is not a function'), 'unknown', 'unknown'],
    ['a string', 'unknown', 'unknown'],
    [null, 'unknown', 'unknown'],
    [undefined, 'unknown', 'unknown'],
  ])('%s is %s, %s', (error, kind, outcome) => {
    expect(classifyAwsError(error)).toMatchObject({ kind, outcome });
  });

  test('is read the same way twice', () => {
    const error = Object.assign(new Error("The ID 'i-0123456789abcdef0' is not valid"), { Code: 'InvalidID' });
    expect(classifyAwsError(error)).toEqual(classifyAwsError(error));
    expect(classifyAwsError(error).kind).toBe('not_found');
  });
});
