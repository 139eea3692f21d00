import process from 'node:process';
import {
  CreateTagsCommand,
  DescribeInstancesCommand,
  EC2Client,
  RunInstancesCommand,
  StartInstancesCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { failureOf, launchInput, startTestCloud, type TestCloud } from '../testing/test-cloud.js';
import { until } from '../testing/until.js';

let cloud: TestCloud;
let ec2: EC2Client;
beforeAll(async () => {
  cloud = await startTestCloud();
  ec2 = cloud.ec2();
});
beforeEach(() => cloud.control.reset());
afterAll(() => cloud.stop());

const run = (count = 1) => ec2.send(new RunInstancesCommand(launchInput({ MaxCount: count })));
const look = () => ec2.send(new DescribeInstancesCommand({ MaxResults: 5 }));
const codeAndStatus = async (call: Promise<unknown>) => {
  const error = await failureOf(call);
  return [error.name, error.$metadata.httpStatusCode];
};

describe('who may call', () => {
  test('regions on one port are worlds of their own', async () => {
    await run();
    const there = await cloud.ec2('eu-west-1').send(new DescribeInstancesCommand({}));
    expect(there.Reservations).toEqual([]);
    expect(Object.keys((await cloud.control.state()).regions)).toEqual(['us-east-1']);
  });

  test('a region that does not exist is refused as bad credentials are', async () => {
    const nowhere = cloud.ec2('mars-north-1').send(new DescribeInstancesCommand({}));
    expect(await codeAndStatus(nowhere)).toEqual(['AuthFailure', 401]);
  });

  test.each([
    ['no credentials', {}, 400, 'MissingParameter'],
    ['a scheme of old', { authorization: 'AWS3 x' }, 401, 'AuthFailure'],
    [
      "another service's signature",
      { authorization: 'AWS4-HMAC-SHA256 Credential=A/20260101/us-east-1/s3/aws4_request, Signature=x' },
      401,
      'AuthFailure',
    ],
  ])('a call with %s is refused', async (_, headers, status, code) => {
    const answer = await fetch(cloud.sim.url, { method: 'POST', headers, body: 'Action=DescribeInstances' });
    expect(answer.status).toBe(status);
    expect(await answer.text()).toContain(`<Response><Errors><Error><Code>${code}</Code>`);
  });

  test('the environment alone leads the SDK here', async () => {
    const names = ['AWS_ENDPOINT_URL_EC2', 'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'] as const;
    const values = [cloud.sim.url, 'any', 'thing'];
    const { env } = process;
    const before = names.map((name) => env[name]);
    names.forEach((name, index) => {
      env[name] = values[index];
    });
    const client = new EC2Client({ region: 'us-east-1' });
    try {
      expect((await client.send(new DescribeInstancesCommand({}))).Reservations).toEqual([]);
    } finally {
      client.destroy();
      names.forEach((name, index) => {
        const value = before[index];
        if (value === undefined) delete env[name];
        else env[name] = value;
      });
    }
  });
});

describe('what may be called', () => {
  const raw = async (body: string, method = 'POST') => {
    const answer = await fetch(method === 'GET' ? `${cloud.sim.url}/?${body}` : cloud.sim.url, {
      method,
      headers: { authorization: 'AWS4-HMAC-SHA256 Credential=A/20260101/us-east-1/ec2/aws4_request, Signature=x' },
      ...(method === 'GET' ? {} : { body }),
    });
    return [answer.status, /<Code>(.*)<\/Code>/.exec(await answer.text())?.[1]];
  };

  test('an action unknown to it is invalid', async () => {
    const start = ec2.send(new StartInstancesCommand({ InstanceIds: ['i-0fffffffffffffff0'] }));
    expect(await codeAndStatus(start)).toEqual(['InvalidAction', 400]);
  });

  test.each([
    ['Version=2016-11-15', 400, 'MissingParameter'],
    ['Action=DescribeInstances&Version=2001-01-01', 400, 'NoSuchVersion'],
    ['Action=DescribeInstances&Version=2016-11-15&Colour=red', 400, 'UnknownParameter'],
    ['Action=DescribeInstances&Version=2016-11-15&InstanceId.x=1', 400, 'UnknownParameter'],
    [`Action=DescribeInstances&Version=2016-11-15&X=${'x'.repeat(1024 * 1024)}`, 413, 'RequestEntityTooLarge'],
  ])('%.60s answers %i %s', async (body, status, code) => {
    expect(await raw(body)).toEqual([status, code]);
  });

  test('a long answer comes in pieces, a short one in one', async () => {
    const lengthOf = async () => {
      const answer = await fetch(cloud.sim.url, {
        method: 'POST',
        headers: { authorization: 'AWS4-HMAC-SHA256 Credential=A/20260101/us-east-1/ec2/aws4_request, Signature=x' },
        body: 'Action=DescribeInstances&Version=2016-11-15&MaxResults=1000',
      });
      const instances = (await answer.text()).match(/<amiLaunchIndex>/g) ?? [];
      return [instances.length, answer.headers.get('content-length'), answer.headers.get('transfer-encoding')];
    };
    await run(1);
    expect(await lengthOf()).toEqual([1, expect.stringMatching(/^\d+$/), null]);
    await run(999);
    expect(await lengthOf()).toEqual([1000, null, 'chunked']);
  });

  test('a GET with a query string will do too', async () => {
    expect(await raw('Action=DescribeInstances&Version=2016-11-15', 'GET')).toEqual([200, undefined]);
  });
});

describe('throttling', () => {
  test('allows five launches at once and two a second after', async () => {
    for (let n = 0; n < 5; n += 1) await run();
    expect(await codeAndStatus(run())).toEqual(['RequestLimitExceeded', 503]);
    cloud.clock.advance(1000);
    await run();
    await run();
    expect(await codeAndStatus(run())).toEqual(['RequestLimitExceeded', 503]);
    expect((await cloud.control.counts())['us-east-1']?.RunInstances).toEqual({ ok: 7, RequestLimitExceeded: 2 });
  });

  test('counts launched instances too, and only those really launched', async () => {
    await cloud.control.setCapacity({ limit: 600 });
    await run(1000);
    await cloud.control.clearCapacity();
    expect(await codeAndStatus(run(401))).toEqual(['RequestLimitExceeded', 503]);
    expect((await run(400)).Instances).toHaveLength(400);
    cloud.clock.advance(1000);
    expect(await codeAndStatus(run(3))).toEqual(['RequestLimitExceeded', 503]);
    await run(2);
  });

  test('keeps buckets apart by region and operation', async () => {
    for (let n = 0; n < 5; n += 1) await run();
    await cloud.ec2('eu-west-1').send(new RunInstancesCommand(launchInput()));
    await look();
  });

  test('gives unfiltered listings less than others', async () => {
    const outcomes = await Promise.allSettled(
      Array.from({ length: 51 }, () => ec2.send(new DescribeInstancesCommand({}))),
    );
    expect(outcomes.filter(({ status }) => status === 'rejected')).toHaveLength(1);
    await look();
  });

  test('limits other changes to fifty', async () => {
    const [id = ''] = ((await run()).Instances ?? []).map(({ InstanceId }) => InstanceId ?? '');
    const tag = () => ec2.send(new CreateTagsCommand({ Resources: [id], Tags: [{ Key: 'a', Value: 'b' }] }));
    const outcomes = await Promise.allSettled(Array.from({ length: 51 }, tag));
    expect(outcomes.filter(({ status }) => status === 'rejected')).toHaveLength(1);
  });

  test('can be switched off, and buckets filled', async () => {
    for (let n = 0; n < 5; n += 1) await run();
    await cloud.control.refillThrottle();
    await run();
    await cloud.control.changeSettings({ throttle: false });
    for (let n = 0; n < 8; n += 1) await run();
  });
});

describe('faults', () => {
  const launched = async () => (await cloud.control.instances()).length;

  test('an EC2 error strikes the next calls of its operation alone', async () => {
    await cloud.control.fault({
      operation: 'RunInstances',
      count: 2,
      kind: { type: 'error', code: 'InsufficientInstanceCapacity' },
    });
    await look();
    expect(await codeAndStatus(run())).toEqual(['InsufficientInstanceCapacity', 500]);
    expect(await codeAndStatus(run())).toEqual(['InsufficientInstanceCapacity', 500]);
    await run();
    expect(await launched()).toBe(1);
    expect(await cloud.control.faults()).toEqual([]);
  });

  test('strike one region alone, until cleared', async () => {
    const fault = await cloud.control.fault({ region: 'eu-west-1', count: null, kind: { type: 'http', status: 502 } });
    const there = cloud.ec2('eu-west-1');
    const lookThere = () => there.send(new DescribeInstancesCommand({ MaxResults: 5 }));
    expect((await failureOf(lookThere())).$metadata.httpStatusCode).toBe(502);
    expect((await failureOf(lookThere())).$metadata.httpStatusCode).toBe(502);
    await look();
    await cloud.control.clearFault(fault.id);
    await lookThere();
  });

  test('credentials that stopped working answer AuthFailure', async () => {
    await cloud.control.fault({ kind: { type: 'auth' } });
    expect(await codeAndStatus(look())).toEqual(['AuthFailure', 401]);
  });

  test('a connection cut before the effect leaves nothing behind', async () => {
    await cloud.control.fault({ operation: 'RunInstances', kind: { type: 'cut' } });
    expect((await failureOf(run())).message).toMatch(/ECONNRESET|socket hang up/);
    expect(await launched()).toBe(0);
  });

  test('a connection cut after the effect leaves the effect', async () => {
    await cloud.control.fault({ operation: 'RunInstances', kind: { type: 'cut' }, effect: 'done' });
    await failureOf(run(3));
    expect(await launched()).toBe(3);
    const { calls } = await cloud.control.calls({ operation: 'RunInstances' });
    expect(calls.map(({ outcome, instances }) => [outcome, instances])).toEqual([['cut_after', 3]]);
  });

  test('an error answer can hide an effect as well', async () => {
    await cloud.control.fault({ kind: { type: 'error', code: 'InternalError' }, effect: 'done' });
    expect(await codeAndStatus(run())).toEqual(['InternalError', 500]);
    expect(await launched()).toBe(1);
  });

  test('latency delays the call, or only its answer', async () => {
    await cloud.control.fault({ kind: { type: 'latency', ms: 40 } });
    await look();
    await cloud.control.fault({ kind: { type: 'latency', ms: 40 }, effect: 'done' });
    await run();
    const { calls } = await cloud.control.calls();
    expect(calls.map(({ outcome, durationMs }) => [outcome, durationMs >= 39])).toEqual([
      ['ok', true],
      ['ok', true],
    ]);
  });

  test('a hanging call ends with the fault, or with the patience of the caller', async () => {
    await cloud.control.fault({ operation: 'RunInstances', kind: { type: 'hang' } });
    const impatient = ec2.send(new RunInstancesCommand(launchInput()), { abortSignal: AbortSignal.timeout(30) });
    expect((await failureOf(impatient)).name).toMatch(/Abort|Timeout/);

    await cloud.control.fault({ operation: 'RunInstances', kind: { type: 'hang' }, effect: 'done' });
    const patient = failureOf(run());
    await until(async () => (await cloud.control.calls()).lastSeq >= 2);
    await cloud.control.clearFaults();
    await patient;
    expect(await launched()).toBe(1);
  });

  test('may strike by chance', async () => {
    await cloud.control.fault({ count: null, probability: 0, kind: { type: 'auth' } });
    await look();
  });

  test("the SDK's own retries get through a fault and are counted as attempts", async () => {
    const patient = new EC2Client({
      region: 'us-east-1',
      endpoint: cloud.sim.url,
      credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    });
    await cloud.control.fault({ operation: 'TerminateInstances', kind: { type: 'error', code: 'Unavailable' } });
    const [id = ''] = ((await run()).Instances ?? []).map(({ InstanceId }) => InstanceId ?? '');
    const answer = await patient.send(new TerminateInstancesCommand({ InstanceIds: [id] }));
    patient.destroy();
    expect(answer.$metadata.attempts).toBe(2);
    expect((await cloud.control.counts())['us-east-1']?.TerminateInstances).toEqual({ Unavailable: 1, ok: 1 });
    const { calls } = await cloud.control.calls({ operation: 'TerminateInstances' });
    const invocations = new Set(calls.map(({ invocationId }) => invocationId));
    expect([...invocations]).toEqual([expect.stringMatching(/^[0-9a-f-]{36}$/)]);
  });
});

test('each call is logged with its arrival by the wall clock', async () => {
  const before = performance.timeOrigin + performance.now();
  await ec2.send(new RunInstancesCommand(launchInput({ ClientToken: 'token', MaxCount: 2 })));
  const after = performance.timeOrigin + performance.now();
  const { calls } = await cloud.control.calls({ operation: 'RunInstances', region: 'us-east-1' });
  expect(calls).toHaveLength(1);
  expect(calls[0]).toMatchObject({ outcome: 'ok', clientToken: 'token', instances: 2 });
  expect(calls[0]?.at).toBeGreaterThanOrEqual(before);
  expect(calls[0]?.at).toBeLessThanOrEqual(after);
});
