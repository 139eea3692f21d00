import { type EC2Client, RunInstancesCommand, TerminateInstancesCommand } from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { DEFAULT_SUBNET_IDS } from '../state/catalogue.js';
import { failureOf, launchInput, startTestCloud, type TestCloud } from '../testing/test-cloud.js';

const UNKNOWN = 'i-0fffffffffffffff0';
let cloud: TestCloud;
let ec2: EC2Client;
beforeAll(async () => {
  cloud = await startTestCloud({ settings: { throttle: false } });
  ec2 = cloud.ec2();
});
beforeEach(() => cloud.control.reset());
afterAll(() => cloud.stop());

const terminate = (...InstanceIds: string[]) => ec2.send(new TerminateInstancesCommand({ InstanceIds }));

async function launch(count: number, subnet = 0): Promise<string[]> {
  const answer = await ec2.send(
    new RunInstancesCommand(launchInput({ MaxCount: count, SubnetId: DEFAULT_SUBNET_IDS[subnet] })),
  );
  return (answer.Instances ?? []).map((instance) => instance.InstanceId ?? '');
}

async function states(): Promise<Record<string, string>> {
  return Object.fromEntries((await cloud.control.instances()).map(({ id, state }) => [id, state]));
}

test('an instance passes through shutting-down to terminated, from whatever state', async () => {
  const [id = ''] = await launch(1);
  const answer = await terminate(id);
  expect(answer.TerminatingInstances).toEqual([
    {
      InstanceId: id,
      PreviousState: { Code: 0, Name: 'pending' },
      CurrentState: { Code: 32, Name: 'shutting-down' },
    },
  ]);
  cloud.clock.advance(200);
  expect(await states()).toEqual({ [id]: 'terminated' });
});

test('terminating again succeeds and changes nothing', async () => {
  const [id = ''] = await launch(1);
  await terminate(id);
  const again = await terminate(id, id);
  expect(again.TerminatingInstances).toHaveLength(1);
  expect(again.TerminatingInstances?.[0]?.PreviousState?.Name).toBe('shutting-down');
  cloud.clock.advance(200);
  expect((await terminate(id)).TerminatingInstances?.[0]?.CurrentState?.Name).toBe('terminated');
  const ends = (await cloud.control.ledger({ instanceId: id })).records.map(({ event }) => event);
  expect(ends).toEqual(['launched', 'shutting-down', 'terminated']);
});

test('one unknown id fails the whole call, and the message names the unknown ones', async () => {
  const [id = ''] = await launch(1);
  const one = await failureOf(terminate(id, UNKNOWN));
  expect(one.name).toBe('InvalidInstanceID.NotFound');
  expect(one.message).toBe(`The instance ID '${UNKNOWN}' does not exist`);
  const two = await failureOf(terminate(id, UNKNOWN, 'i-nonsense'));
  expect(two.name).toBe('InvalidInstanceID.Malformed');
  const both = await failureOf(terminate(id, UNKNOWN, 'i-0fffffffffffffff1'));
  expect(both.message).toBe(`The instance IDs '${UNKNOWN}, i-0fffffffffffffff1' do not exist`);
  expect(await states()).toEqual({ [id]: 'pending' });
});

test('a policy bound to tags says 403 of an instance that is gone', async () => {
  await cloud.control.changeSettings({ terminateUnknown: 'unauthorized' });
  const error = await failureOf(terminate(UNKNOWN));
  expect([error.name, error.$metadata.httpStatusCode]).toEqual(['UnauthorizedOperation', 403]);
});

test('protection spares its availability zone and fails the call', async () => {
  const [a = '', b = ''] = await launch(2);
  const [c = ''] = await launch(1, 1);
  await cloud.control.protect([a]);
  expect((await failureOf(terminate(a, b, c))).name).toBe('OperationNotPermitted');
  expect(await states()).toEqual({ [a]: 'pending', [b]: 'pending', [c]: 'shutting-down' });
  await cloud.control.protect([a], false);
  await terminate(a, b);
  expect(await states()).toMatchObject({ [a]: 'shutting-down', [b]: 'shutting-down' });
});

test('a call takes a thousand ids at most, and at least one', async () => {
  const seeded = await cloud.control.seed({ region: 'us-east-1', launches: [{ count: 1001 }] });
  const ids = seeded.launches[0]?.instanceIds ?? [];
  expect((await failureOf(terminate(...ids))).name).toBe('InvalidParameterValue');
  expect((await terminate(...ids.slice(1))).TerminatingInstances).toHaveLength(1000);
  expect((await failureOf(terminate())).name).toBe('MissingParameter');
});

test('an instance can go from pending straight to terminated, or be ended by somebody else', async () => {
  const [a = '', b = ''] = await launch(2);
  await cloud.control.kill({ instanceIds: [a], code: 'Client.VolumeLimitExceeded' });
  await cloud.control.terminateOutside([b]);
  cloud.clock.advance(200);
  const { records } = await cloud.control.ledger();
  expect(records.map(({ instanceId, event, cause, reason }) => [instanceId, event, cause, reason])).toEqual([
    [a, 'launched', 'api', null],
    [b, 'launched', 'api', null],
    [a, 'terminated', 'fault', 'Client.VolumeLimitExceeded'],
    [b, 'shutting-down', 'outside', 'Client.UserInitiatedShutdown'],
    [b, 'terminated', 'outside', 'Client.UserInitiatedShutdown'],
  ]);
});
