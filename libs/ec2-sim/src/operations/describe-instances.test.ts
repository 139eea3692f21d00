import {
  DescribeInstancesCommand,
  type DescribeInstancesCommandInput,
  type EC2Client,
  paginateDescribeInstances,
  RunInstancesCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { failureOf, launchInput, startTestCloud, type TestCloud } from '../testing/test-cloud.js';

let cloud: TestCloud;
let ec2: EC2Client;
beforeAll(async () => {
  cloud = await startTestCloud({ settings: { throttle: false } });
  ec2 = cloud.ec2();
});
beforeEach(() => cloud.control.reset());
afterAll(() => cloud.stop());

const describeAll = (input: DescribeInstancesCommandInput = {}) => ec2.send(new DescribeInstancesCommand(input));

async function ids(input: DescribeInstancesCommandInput): Promise<string[]> {
  const answer = await describeAll(input);
  return (answer.Reservations ?? []).flatMap((one) => (one.Instances ?? []).map(({ InstanceId }) => InstanceId ?? ''));
}

async function launch(tags: Record<string, string>, count = 1, token?: string): Promise<string[]> {
  const answer = await ec2.send(
    new RunInstancesCommand(
      launchInput({
        MaxCount: count,
        ClientToken: token,
        TagSpecifications: [
          { ResourceType: 'instance', Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })) },
        ],
      }),
    ),
  );
  return (answer.Instances ?? []).map((instance) => instance.InstanceId ?? '');
}

describe('filters', () => {
  const where = (Name: string, ...Values: string[]) => ids({ Filters: [{ Name, Values }] });

  test('find by tag, key, token, state, id and type', async () => {
    const [a = ''] = await launch({ deployment: 'one', 'odd:key': 'x' }, 1, 'token-a');
    const [b = ''] = await launch({ deployment: 'two' });
    cloud.clock.advance(1000);
    const [c = ''] = await launch({ other: 'one' });
    expect(await where('tag:deployment', 'one')).toEqual([a]);
    expect(await where('tag:odd:key', 'x')).toEqual([a]);
    expect(await where('tag:deployment', 'two', 'one')).toEqual([a, b]);
    expect(await where('tag-key', 'deployment')).toEqual([a, b]);
    expect(await where('tag-key', 'other', 'deployment')).toEqual([a, b, c]);
    expect(await where('client-token', 'token-a')).toEqual([a]);
    expect(await where('instance-state-name', 'pending')).toEqual([c]);
    expect(await where('instance-id', c, b)).toEqual([b, c]);
    expect(await where('instance-type', 't3.small')).toEqual([]);
    expect(await where('subnet-id', 'subnet-0123456789abcdef0')).toEqual([a, b, c]);
  });

  test('know the wildcards * and ?, and their escape', async () => {
    const [a = ''] = await launch({ k: 'relay-1' });
    const [b = ''] = await launch({ k: 'relay-22' });
    const [c = ''] = await launch({ k: 'relay-*' });
    expect(await where('tag:k', 'relay-*')).toEqual([a, b, c]);
    expect(await where('tag:k', 'relay-?')).toEqual([a, c]);
    expect(await where('tag:k', 'relay-\\*')).toEqual([c]);
    expect(await where('tag:k', 'relay.1')).toEqual([]);
    expect(await where('tag-key', '?')).toEqual([a, b, c]);
  });

  test('together must all hold, and narrow ids too', async () => {
    const [a = ''] = await launch({ k: 'v' });
    const [b = ''] = await launch({ k: 'v', w: 'x' });
    const both = [
      { Name: 'tag:k', Values: ['v'] },
      { Name: 'tag:w', Values: ['x'] },
    ];
    expect(await ids({ Filters: both })).toEqual([b]);
    expect(await ids({ InstanceIds: [a, b], Filters: both })).toEqual([b]);
  });

  test('have limits and known names', async () => {
    const many = Array.from({ length: 201 }, (_, n) => `v${n}`);
    expect((await failureOf(where('tag:k', ...many))).name).toBe('FilterLimitExceeded');
    expect(await where('tag:k', ...many.slice(1))).toEqual([]);
    expect((await failureOf(where('colour', 'red'))).name).toBe('InvalidParameterValue');
  });
});

describe('pages', () => {
  test('cover every instance once, in order', async () => {
    const launched = [...(await launch({ k: 'v' }, 7)), ...(await launch({ k: 'v' }, 6))];
    const pages: string[][] = [];
    const filters = { Filters: [{ Name: 'tag:k', Values: ['v'] }] };
    for await (const page of paginateDescribeInstances({ client: ec2, pageSize: 5 }, filters)) {
      pages.push(
        (page.Reservations ?? []).flatMap((one) => (one.Instances ?? []).map(({ InstanceId }) => InstanceId ?? '')),
      );
    }
    expect(pages.map((page) => page.length)).toEqual([5, 5, 3]);
    expect(pages.flat()).toEqual(launched);
  });

  test('hold a thousand unless asked for fewer', async () => {
    await cloud.control.seed({ region: 'us-east-1', launches: [{ count: 1001 }] });
    const first = await describeAll();
    expect(first.Reservations?.[0]?.Instances).toHaveLength(1000);
    expect((await ids({ NextToken: first.NextToken })).length).toBe(1);
  });

  test('do not go with ids, below five or with a made-up token', async () => {
    const [a = ''] = await launch({});
    expect((await failureOf(describeAll({ InstanceIds: [a], MaxResults: 5 }))).name).toBe(
      'InvalidParameterCombination',
    );
    expect((await failureOf(describeAll({ MaxResults: 4 }))).name).toBe('InvalidParameterValue');
    expect((await failureOf(describeAll({ NextToken: 'bogus' }))).name).toBe('InvalidParameterValue');
  });

  test('stay right when an instance disappears between two of them', async () => {
    const launched = await launch({}, 12);
    const first = await describeAll({ MaxResults: 5 });
    await cloud.control.kill({ instanceIds: launched.slice(0, 9) });
    await cloud.control.purge();
    expect(await ids({ MaxResults: 5, NextToken: first.NextToken })).toEqual(launched.slice(9));
  });
});

describe('eventual consistency', () => {
  test('hides a new instance from ids, filters and terminates until the visibility delay is over', async () => {
    await cloud.control.changeSettings({ visibilityMs: 3000, addressMs: 500 });
    const [id = ''] = await launch({ k: 'v' });
    expect((await failureOf(describeAll({ InstanceIds: [id] }))).name).toBe('InvalidInstanceID.NotFound');
    expect(await ids({ Filters: [{ Name: 'tag:k', Values: ['v'] }] })).toEqual([]);
    const refused = await failureOf(ec2.send(new TerminateInstancesCommand({ InstanceIds: [id] })));
    expect(refused.name).toBe('InvalidInstanceID.NotFound');
    cloud.clock.advance(3000);
    expect(await ids({ Filters: [{ Name: 'tag:k', Values: ['v'] }] })).toEqual([id]);
  });

  test('shows the public address some time after running', async () => {
    await cloud.control.changeSettings({ addressMs: 500 });
    const [id = ''] = await launch({});
    const address = async () =>
      (await describeAll({ InstanceIds: [id] })).Reservations?.[0]?.Instances?.[0]?.PublicIpAddress;
    cloud.clock.advance(1499);
    expect(await address()).toBeUndefined();
    cloud.clock.advance(1);
    expect(await address()).toMatch(/^198\.18\./);
  });

  test('keeps a terminated instance for an hour', async () => {
    const [id = ''] = await launch({});
    await ec2.send(new TerminateInstancesCommand({ InstanceIds: [id] }));
    cloud.clock.advance(200);
    const seen = (await describeAll({ InstanceIds: [id] })).Reservations?.[0]?.Instances?.[0];
    expect(seen).toMatchObject({
      State: { Code: 48, Name: 'terminated' },
      StateReason: { Code: 'Client.UserInitiatedShutdown' },
    });
    expect(seen?.PublicIpAddress).toBeUndefined();
    cloud.clock.advance(3_600_000);
    const gone = await failureOf(describeAll({ InstanceIds: [id] }));
    expect(gone.name).toBe('InvalidInstanceID.NotFound');
    expect(gone.message).toBe(`The instance ID '${id}' does not exist`);
  });
});
