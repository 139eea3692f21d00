import { describe, expect, jest, test } from '@jest/globals';
import { described, launched, refusal, type StubAnswer, terminated } from '../testing/stub-ec2.js';
import { launchRequest, REGION, useStubEc2 } from '../testing/stub-setup.js';
import { CloudError } from './cloud-error.js';

const bench = useStubEc2();
const I1 = 'i-00000000000000001';
const I2 = 'i-00000000000000002';
const OK = launched({ id: I1 });

async function failureOf(call: Promise<unknown>) {
  const error = await call.catch((reason: unknown) => reason);
  if (!(error instanceof CloudError)) throw new Error(`expected a CloudError, got ${String(error)}`);
  return error.failure;
}

function expectAttemptsAddUp(): void {
  expect(bench.stub.calls.length).toBe(bench.observer.operations.length + bench.observer.retries.length);
}

describe('counting', () => {
  test('a call that succeeds at once is one operation with its time', async () => {
    bench.stub.answer(OK);
    let time = 0;
    const clock = { now: () => (time += 5) };
    await bench.provider({ clock, throttleBudget: 'off' }).launch(REGION, launchRequest());
    expect(bench.observer.operations).toEqual([{ op: 'run_instances', region: REGION, status: 'ok', latencyMs: 5 }]);
    expect(bench.observer.retries).toEqual([]);
    expectAttemptsAddUp();
  });

  test.each<[string, StubAnswer, string]>([
    ['a throttle', refusal(503, 'RequestLimitExceeded'), 'throttled'],
    ['a server error', refusal(500, 'InternalError'), 'server_error'],
    ['a bare 503', { status: 503, body: '' }, 'server_error'],
    ['a cut connection', 'cut', 'connection'],
    ['a time-out', 'hang', 'timeout'],
  ])('%s is repeated with the very same request and counted', async (_name, answer, reason) => {
    bench.stub.answer(answer, OK);
    await bench.provider({ attemptTimeoutMs: 300 }).launch(REGION, launchRequest());
    expect(bench.observer.statuses()).toEqual(['run_instances ok']);
    expect(bench.observer.retries).toEqual([{ op: 'run_instances', region: REGION, reason }]);
    expect(bench.observer.exhausted).toEqual([]);
    const [first, second] = bench.stub.calls.map(({ params }) => params.toString());
    expect(second).toBe(first);
    expectAttemptsAddUp();
  });

  test('each retry has the reason of the attempt before it', async () => {
    bench.stub.answer(refusal(503, 'RequestLimitExceeded'), 'cut', refusal(500, 'InternalError'), OK);
    await bench.provider({ maxAttempts: 4 }).launch(REGION, launchRequest());
    expect(bench.observer.reasons()).toEqual(['throttled', 'connection', 'server_error']);
    expectAttemptsAddUp();
  });

  test.each<[string, StubAnswer]>([
    ['throttles', refusal(503, 'RequestLimitExceeded')],
    ['server errors', refusal(500, 'InternalError')],
    ['cut connections', 'cut'],
  ])('%s that outlive all attempts are one exhaustion', async (_name, answer) => {
    bench.stub.answer(answer);
    await failureOf(bench.provider({ maxAttempts: 3 }).launch(REGION, launchRequest()));
    expect(bench.observer.statuses()).toEqual(['run_instances error']);
    expect(bench.observer.retries.length).toBe(2);
    expect(bench.observer.exhausted).toEqual([{ op: 'run_instances', region: REGION }]);
    expectAttemptsAddUp();
  });

  test.each([
    [400, 'InvalidParameterValue'],
    [401, 'AuthFailure'],
    [403, 'UnauthorizedOperation'],
    [400, 'InstanceLimitExceeded'],
    [400, 'IdempotentParameterMismatch'],
    [500, 'InsufficientInstanceCapacity'],
  ])('a final answer (%d %s) is neither repeated nor an exhaustion', async (status, code) => {
    bench.stub.answer(refusal(status, code));
    await failureOf(bench.provider().launch(REGION, launchRequest()));
    expect(bench.observer.operations).toMatchObject([{ status: 'error', errorCode: code }]);
    expect(bench.observer.retries).toEqual([]);
    expect(bench.observer.exhausted).toEqual([]);
    expectAttemptsAddUp();
  });

  test('a final answer after retries is no exhaustion', async () => {
    bench.stub.answer('cut', refusal(400, 'InvalidParameterValue'));
    await failureOf(bench.provider().launch(REGION, launchRequest()));
    expect(bench.observer.reasons()).toEqual(['connection']);
    expect(bench.observer.exhausted).toEqual([]);
    expectAttemptsAddUp();
  });

  test('a clean refusal does not take back what an earlier attempt may have done', async () => {
    bench.stub.answer('cut', refusal(500, 'InsufficientInstanceCapacity'));
    expect(await failureOf(bench.provider().launch(REGION, launchRequest()))).toMatchObject({
      kind: 'capacity',
      outcome: 'unknown',
    });
  });

  test('each page of a listing is an operation', async () => {
    bench.stub.answer(described([{ id: I1 }], 'more'), described([{ id: I2 }]));
    await bench.provider().listDeploymentInstances(REGION, 'test');
    expect(bench.observer.statuses()).toEqual(['describe_instances ok', 'describe_instances ok']);
    expectAttemptsAddUp();
  });

  test('missing credentials are a failed operation although nothing went out', async () => {
    const credentials = () => Promise.reject(Object.assign(new Error('none'), { name: 'CredentialsProviderError' }));
    await failureOf(bench.provider({ credentials }).launch(REGION, launchRequest()));
    expect(bench.observer.operations).toMatchObject([{ status: 'error', errorCode: 'CredentialsProviderError' }]);
    expect(bench.stub.calls).toEqual([]);
  });
});

describe('a terminate', () => {
  test.each([
    ['terminated', 'terminated', 'ignored'],
    ['shutting-down', 'terminated', 'ignored'],
    ['running', 'terminated', 'ok'],
    ['running', 'pending', 'ok'],
  ])('of instances that were %s and %s is %s', async (first, second, status) => {
    bench.stub.answer(terminated({ id: I1, from: first }, { id: I2, from: second }));
    await bench.provider().terminate(REGION, [I1, I2]);
    expect(bench.observer.statuses()).toEqual([`terminate_instances ${status}`]);
  });

  test('of instances that are all gone is ignored, of some that are gone an error', async () => {
    bench.stub.answer(
      refusal(400, 'InvalidInstanceID.NotFound', `The instance ID '${I1}' does not exist`),
      terminated({ id: I2, from: 'running' }),
    );
    await bench.provider().terminate(REGION, [I1, I2]);
    bench.stub.answer(refusal(400, 'InvalidInstanceID.NotFound', `The instance ID '${I1}' does not exist`));
    await bench.provider().terminate(REGION, [I1]);
    expect(bench.observer.statuses()).toEqual([
      'terminate_instances error',
      'terminate_instances ok',
      'terminate_instances ignored',
    ]);
    expectAttemptsAddUp();
  });
});

describe('the deadline', () => {
  test('ends a call on a silent connection, and the attempts still add up', async () => {
    bench.stub.answer('hang');
    const failure = await failureOf(
      bench.provider({ deadlineMs: 80, attemptTimeoutMs: 5000 }).launch(REGION, launchRequest()),
    );
    expect(failure).toMatchObject({ kind: 'timeout', code: 'DeadlineExceeded', outcome: 'unknown' });
    expect(bench.observer.statuses()).toEqual(['run_instances error']);
    expect(bench.observer.exhausted).toEqual([]);
    expectAttemptsAddUp();
  });

  test('leaves time for every attempt on a silent connection', async () => {
    bench.stub.answer('hang');
    const failure = await failureOf(bench.provider({ deadlineMs: 300 }).launch(REGION, launchRequest()));
    expect(failure).toMatchObject({ kind: 'timeout', code: 'ETIMEDOUT', outcome: 'unknown' });
    expect(bench.observer.reasons()).toEqual(['timeout', 'timeout']);
    expect(bench.observer.exhausted.length).toBe(1);
    expectAttemptsAddUp();
  });

  test('ends a call that waits to repeat itself: a refused attempt had no effect', async () => {
    jest.spyOn(Math, 'random').mockReturnValue(0.99);
    bench.stub.answer(refusal(503, 'RequestLimitExceeded'));
    const failure = await failureOf(bench.provider({ deadlineMs: 450 }).launch(REGION, launchRequest()));
    expect(failure).toMatchObject({ code: 'DeadlineExceeded', outcome: 'nothing_happened' });
    expect(bench.observer.retries).toEqual([]);
    expectAttemptsAddUp();
  });

  test('is an exhaustion once the call has been repeated', async () => {
    bench.stub.answer('cut', 'hang');
    await failureOf(bench.provider({ deadlineMs: 400, attemptTimeoutMs: 5000 }).launch(REGION, launchRequest()));
    expect(bench.observer.reasons()).toEqual(['connection']);
    expect(bench.observer.exhausted.length).toBe(1);
    expectAttemptsAddUp();
  });

  test('holds for credentials that never come', async () => {
    const credentials = () => new Promise<never>(() => undefined);
    const failure = await failureOf(bench.provider({ credentials, deadlineMs: 50 }).launch(REGION, launchRequest()));
    expect(failure).toMatchObject({ code: 'DeadlineExceeded', outcome: 'nothing_happened' });
  });

  test('is the caller’s when the caller aborts', async () => {
    const caller = new AbortController();
    bench.stub.answer(() => {
      caller.abort();
      return 'hang';
    });
    const failure = await failureOf(bench.provider().launch(REGION, launchRequest(), { signal: caller.signal }));
    expect(failure).toMatchObject({ kind: 'timeout', code: 'Aborted', outcome: 'unknown' });
    expect(bench.observer.statuses()).toEqual(['run_instances error']);
    expectAttemptsAddUp();
  });

  test('is everybody’s when the provider is told to end, and no call follows', async () => {
    const ending = new AbortController();
    bench.stub.answer('hang');
    const provider = bench.provider({ signal: ending.signal });
    const calls = Array.from({ length: 12 }, () => failureOf(provider.describeByIds(REGION, [I1])));
    const launch = failureOf(provider.launch(REGION, launchRequest()));
    await bench.stub.called(13);
    ending.abort();
    expect(await launch).toMatchObject({ kind: 'timeout', code: 'Aborted', outcome: 'unknown' });
    for (const call of calls) expect(await call).toMatchObject({ code: 'Aborted' });
    expect(await failureOf(provider.launch(REGION, launchRequest()))).toMatchObject({ outcome: 'nothing_happened' });
    expect(bench.stub.calls.length).toBe(13);
  });

  test('an already aborted caller makes no call', async () => {
    const signal = AbortSignal.abort();
    const failure = await failureOf(bench.provider().launch(REGION, launchRequest(), { signal }));
    expect(failure).toMatchObject({ code: 'Aborted', outcome: 'nothing_happened' });
    expect(bench.observer.operations).toEqual([]);
    expect(bench.stub.calls).toEqual([]);
  });
});
