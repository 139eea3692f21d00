import {
  DescribeInstancesCommand,
  type EC2Client,
  RunInstancesCommand,
  type RunInstancesCommandInput,
  type Tag,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { DEFAULT_IMAGE_IDS, DEFAULT_SECURITY_GROUP_IDS, DEFAULT_SUBNET_IDS } from '../state/catalogue.js';
import { failureOf, launchInput, startTestCloud, type TestCloud } from '../testing/test-cloud.js';

let cloud: TestCloud;
let ec2: EC2Client;
beforeAll(async () => {
  cloud = await startTestCloud({ settings: { throttle: false } });
  ec2 = cloud.ec2();
});
beforeEach(() => cloud.control.reset());
afterAll(() => cloud.stop());

const run = (overrides: Partial<RunInstancesCommandInput> = {}) =>
  ec2.send(new RunInstancesCommand(launchInput(overrides)));
const idsOf = (answer: { Instances?: { InstanceId?: string | undefined }[] | undefined }) =>
  (answer.Instances ?? []).map((instance) => instance.InstanceId ?? '');

async function codeOf(overrides: Record<string, unknown>): Promise<[string, number | undefined]> {
  const error = await failureOf(run(overrides as Partial<RunInstancesCommandInput>));
  return [error.name, error.$metadata.httpStatusCode];
}

describe('a launch', () => {
  test('carries everything the request said', async () => {
    const answer = await run({
      MaxCount: 3,
      ClientToken: 'intent-1',
      UserData: Buffer.from('#!/bin/sh').toString('base64'),
      NetworkInterfaces: [
        {
          DeviceIndex: 0,
          SubnetId: DEFAULT_SUBNET_IDS[1],
          Groups: [DEFAULT_SECURITY_GROUP_IDS[1] ?? ''],
          AssociatePublicIpAddress: true,
        },
      ],
      MetadataOptions: { HttpTokens: 'required', HttpPutResponseHopLimit: 2 },
      InstanceInitiatedShutdownBehavior: 'terminate',
      IamInstanceProfile: { Name: 'relay' },
      TagSpecifications: [
        { ResourceType: 'instance', Tags: [{ Key: 'Name', Value: 'a <b> & "c"\nd' }] },
        { ResourceType: 'volume', Tags: [{ Key: 'Name', Value: 'disk' }] },
      ],
    });
    expect(answer.Instances?.map((instance) => instance.AmiLaunchIndex)).toEqual([0, 1, 2]);
    expect(answer.Instances?.[0]).toMatchObject({
      State: { Code: 0, Name: 'pending' },
      ClientToken: 'intent-1',
      SubnetId: DEFAULT_SUBNET_IDS[1],
      Placement: { AvailabilityZone: 'us-east-1b' },
      SecurityGroups: [{ GroupId: DEFAULT_SECURITY_GROUP_IDS[1] }],
      MetadataOptions: { HttpTokens: 'required', HttpPutResponseHopLimit: 2 },
      IamInstanceProfile: { Arn: 'arn:aws:iam::123456789012:instance-profile/relay' },
      Tags: [{ Key: 'Name', Value: 'a <b> & "c"\nd' }],
    });
    expect(answer.Instances?.[0]?.PublicIpAddress).toBeUndefined();
    expect(new Set(idsOf(answer)).size).toBe(3);
    await expect(cloud.control.instance(idsOf(answer)[0] ?? '')).resolves.toMatchObject({
      userData: '#!/bin/sh',
      shutdownBehavior: 'terminate',
    });
  });

  test('becomes running, with a public address, after the boot time', async () => {
    const [id = ''] = idsOf(await run());
    const look = async () =>
      (await ec2.send(new DescribeInstancesCommand({ InstanceIds: [id] }))).Reservations?.[0]?.Instances?.[0];
    cloud.clock.advance(999);
    expect((await look())?.State?.Name).toBe('pending');
    cloud.clock.advance(1);
    expect(await look()).toMatchObject({
      State: { Code: 16, Name: 'running' },
      PublicIpAddress: expect.stringMatching(/^198\.18\./),
      MetadataOptions: { State: 'applied' },
    });
  });

  test('has no public address when its interface asks for none', async () => {
    const [id = ''] = idsOf(await run({ NetworkInterfaces: [{ DeviceIndex: 0, AssociatePublicIpAddress: false }] }));
    cloud.clock.advance(1000);
    const seen = await ec2.send(new DescribeInstancesCommand({ InstanceIds: [id] }));
    expect(seen.Reservations?.[0]?.Instances?.[0]?.PublicIpAddress).toBeUndefined();
  });

  test('can be a spot instance', async () => {
    const answer = await run({ InstanceMarketOptions: { MarketType: 'spot' } });
    expect(answer.Instances?.[0]?.InstanceLifecycle).toBe('spot');
  });

  test('that is only a dry run answers 412 and launches nothing', async () => {
    expect(await codeOf({ DryRun: true })).toEqual(['DryRunOperation', 412]);
    expect(await cloud.control.instances()).toEqual([]);
  });

  test('boots what an image parameter names, which may be gone', async () => {
    const ImageId = 'resolve:ssm:/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64';
    expect((await run({ ImageId })).Instances?.[0]?.ImageId).toBe(DEFAULT_IMAGE_IDS[0]);
    await cloud.control.setImageParameter({ region: 'eu-west-1', name: '/stale:3', imageId: 'ami-0fffffffffffffff0' });
    expect(await codeOf({ ImageId: 'resolve:ssm:/stale:3' })).toEqual(['SsmInvalidParameter', 400]);
    await cloud.control.setImageParameter({ name: '/stale:3', imageId: 'ami-0fffffffffffffff0' });
    expect(await codeOf({ ImageId: 'resolve:ssm:/stale:3' })).toEqual(['InvalidAMIID.NotFound', 400]);
    await cloud.control.reset();
    expect(await codeOf({ ImageId: 'resolve:ssm:/stale:3' })).toEqual(['SsmInvalidParameter', 400]);
  });
});

describe('a client token', () => {
  const input = { ClientToken: 'token', MaxCount: 2 };

  test('answers the same instances in their present state and launches nothing', async () => {
    const first = await run(input);
    cloud.clock.advance(1000);
    const second = await run(input);
    expect(idsOf(second)).toEqual(idsOf(first));
    expect(second.ReservationId).toBe(first.ReservationId);
    expect(second.Instances?.[0]?.State?.Name).toBe('running');
    expect(await cloud.control.instances()).toHaveLength(2);
  });

  test('used by two calls at once launches once', async () => {
    const [first, second] = await Promise.all([run(input), run(input)]);
    expect(idsOf(first)).toEqual(idsOf(second));
    expect(await cloud.control.instances()).toHaveLength(2);
  });

  test('with other parameters is a mismatch', async () => {
    await run(input);
    expect(await codeOf({ ...input, MaxCount: 3 })).toEqual(['IdempotentParameterMismatch', 400]);
    expect(await codeOf({ ...input, UserData: 'aGk=' })).toEqual(['IdempotentParameterMismatch', 400]);
  });

  test('goes by what was asked for, not by what an image parameter says meanwhile', async () => {
    const byName = { ...input, ImageId: 'resolve:ssm:/golden/ami' };
    await cloud.control.setImageParameter({ name: '/golden/ami', imageId: DEFAULT_IMAGE_IDS[0] ?? '' });
    const first = await run(byName);
    await cloud.control.setImageParameter({ name: '/golden/ami', imageId: DEFAULT_IMAGE_IDS[1] ?? '' });
    const second = await run(byName);
    expect(idsOf(second)).toEqual(idsOf(first));
    expect(second.Instances?.[0]?.ImageId).toBe(DEFAULT_IMAGE_IDS[0]);
    expect((await run({ ...byName, ClientToken: 'other' })).Instances?.[0]?.ImageId).toBe(DEFAULT_IMAGE_IDS[1]);
  });

  test('is scoped to a region', async () => {
    const here = await run(input);
    const there = await cloud.ec2('eu-west-1').send(new RunInstancesCommand(launchInput(input)));
    expect(idsOf(there)).not.toEqual(idsOf(here));
  });

  test('of terminated instances says so, for a day, and then is new again', async () => {
    const ids = idsOf(await run(input));
    await ec2.send(new TerminateInstancesCommand({ InstanceIds: ids.slice(0, 1) }));
    cloud.clock.advance(200);
    expect(idsOf(await run(input))).toEqual(ids);
    await ec2.send(new TerminateInstancesCommand({ InstanceIds: ids }));
    expect(idsOf(await run(input))).toEqual(ids);
    cloud.clock.advance(200);
    expect(await codeOf(input)).toEqual(['IdempotentInstanceTerminated', 400]);
    cloud.clock.advance(23 * 3_600_000);
    expect(await codeOf(input)).toEqual(['IdempotentInstanceTerminated', 400]);
    cloud.clock.advance(3_600_001);
    expect(idsOf(await run(input))).not.toEqual(ids);
  });

  test('can be spent by the first terminated instance, or never, as the settings say', async () => {
    const ids = idsOf(await run(input));
    await cloud.control.kill({ instanceIds: ids.slice(0, 1) });
    await cloud.control.changeSettings({ idempotentTerminated: 'any' });
    expect(await codeOf(input)).toEqual(['IdempotentInstanceTerminated', 400]);
    await cloud.control.changeSettings({ idempotentTerminated: 'never' });
    expect((await run(input)).Instances?.map((instance) => instance.State?.Name)).toEqual(['terminated', 'pending']);
  });

  test('survives a response that was lost after the effect', async () => {
    await cloud.control.fault({ operation: 'RunInstances', kind: { type: 'cut' }, effect: 'done' });
    await failureOf(run(input));
    const launched = (await cloud.control.instances()).map((instance) => instance.id);
    expect(idsOf(await run(input))).toEqual(launched);
    expect(launched).toHaveLength(2);
  });
});

describe('capacity', () => {
  test('gives fewer than MaxCount, and an error below MinCount', async () => {
    await cloud.control.setCapacity({ instanceType: 't3.micro', limit: 3 });
    expect((await run({ MaxCount: 10 })).Instances).toHaveLength(3);
    expect(await codeOf({})).toEqual(['InsufficientInstanceCapacity', 500]);
    expect((await run({ InstanceType: 't3.small' })).Instances).toHaveLength(1);
    await cloud.control.clearCapacity();
    expect((await run()).Instances).toHaveLength(1);
  });

  test('is given back when instances are terminated', async () => {
    await cloud.control.setCapacity({ subnetId: DEFAULT_SUBNET_IDS[0] ?? '', limit: 1 });
    const ids = idsOf(await run());
    expect(await codeOf({})).toEqual(['InsufficientInstanceCapacity', 500]);
    expect((await run({ SubnetId: DEFAULT_SUBNET_IDS[1] })).Instances).toHaveLength(1);
    await ec2.send(new TerminateInstancesCommand({ InstanceIds: ids }));
    cloud.clock.advance(200);
    expect((await run()).Instances).toHaveLength(1);
  });

  test('can be refused with another code, and for spot alone', async () => {
    await cloud.control.setCapacity({ instanceType: 't3.micro', market: 'spot', limit: 0, code: 'Unsupported' });
    expect(await codeOf({ InstanceMarketOptions: { MarketType: 'spot' } })).toEqual(['Unsupported', 400]);
    expect((await run()).Instances).toHaveLength(1);
  });

  test('ends at the quotas too', async () => {
    await cloud.control.setQuota({ vcpus: 5 });
    expect((await run({ MaxCount: 9 })).Instances).toHaveLength(2);
    expect(await codeOf({})).toEqual(['VcpuLimitExceeded', 400]);
    await cloud.control.setQuota({ instances: 2 });
    expect(await codeOf({})).toEqual(['InstanceLimitExceeded', 400]);
    await cloud.control.setQuota({ spotInstances: 0 });
    expect(await codeOf({ InstanceMarketOptions: { MarketType: 'spot' } })).toEqual([
      'MaxSpotInstanceCountExceeded',
      400,
    ]);
  });
});

describe('a bad request', () => {
  const tags = (...Tags: Tag[]) => ({ TagSpecifications: [{ ResourceType: 'instance', Tags }] });

  test.each([
    ['no image', 'MissingParameter', { ImageId: undefined }],
    ['no MinCount', 'MissingParameter', { MinCount: undefined }],
    ['a MinCount of 0', 'InvalidParameterValue', { MinCount: 0 }],
    ['MinCount over MaxCount', 'InvalidParameterValue', { MinCount: 2, MaxCount: 1 }],
    ['an instance type that is none', 'InvalidParameterValue', { InstanceType: 'huge' }],
    ['a malformed image', 'InvalidAMIID.Malformed', { ImageId: 'nonsense' }],
    ['an unknown image', 'InvalidAMIID.NotFound', { ImageId: 'ami-0fffffffffffffff0' }],
    ['an unknown image parameter', 'SsmInvalidParameter', { ImageId: 'resolve:ssm:/nobody/knows' }],
    ['an unknown subnet', 'InvalidSubnetID.NotFound', { SubnetId: 'subnet-0fffffffffffffff0' }],
    ['an unknown group', 'InvalidGroup.NotFound', { SecurityGroupIds: ['sg-0fffffffffffffff0'] }],
    [
      'a subnet beside an interface',
      'InvalidParameterCombination',
      { SubnetId: DEFAULT_SUBNET_IDS[0], NetworkInterfaces: [{ DeviceIndex: 0 }] },
    ],
    ['no primary interface', 'InvalidParameterValue', { NetworkInterfaces: [{ DeviceIndex: 1 }] }],
    ['an unknown zone', 'InvalidParameterValue', { Placement: { AvailabilityZone: 'mars-1a' } }],
    ['too many hops', 'InvalidParameterValue', { MetadataOptions: { HttpPutResponseHopLimit: 65 } }],
    ['a strange shutdown', 'InvalidParameterValue', { InstanceInitiatedShutdownBehavior: 'explode' }],
    ['a long token', 'InvalidParameterValue', { ClientToken: 'x'.repeat(65) }],
    ['a token beyond ASCII', 'InvalidParameterValue', { ClientToken: 'é' }],
    ['user data that is no base64', 'InvalidUserData.Malformed', { UserData: '?!' }],
    ['user data over 16 KiB', 'InvalidParameterValue', { UserData: Buffer.alloc(16_385).toString('base64') }],
    ['a long tag key', 'InvalidParameterValue', tags({ Key: 'k'.repeat(129), Value: '' })],
    ['a long tag value', 'InvalidParameterValue', tags({ Key: 'k', Value: 'v'.repeat(257) })],
    ['a reserved tag key', 'InvalidParameterValue', tags({ Key: 'aws:mine', Value: '' })],
    ['a tag key twice', 'InvalidParameterValue', tags({ Key: 'k', Value: '1' }, { Key: 'k', Value: '2' })],
    ['tags on a pony', 'InvalidParameterValue', { TagSpecifications: [{ ResourceType: 'pony', Tags: [] }] }],
    ['51 tags', 'TagLimitExceeded', tags(...Array.from({ length: 51 }, (_, n) => ({ Key: `k${n}`, Value: '' })))],
  ])('with %s is refused with %s', async (_, code, overrides) => {
    expect(await codeOf(overrides)).toEqual([code, 400]);
    expect(await cloud.control.instances()).toEqual([]);
  });

  test('may have user data of 16 KiB, and 50 tags', async () => {
    const Tags = Array.from({ length: 50 }, (_, n) => ({ Key: `k${n}`.padEnd(128, 'x'), Value: 'v'.repeat(256) }));
    const answer = await run({
      UserData: Buffer.alloc(16_384).toString('base64'),
      TagSpecifications: [{ ResourceType: 'instance', Tags }],
    });
    expect(answer.Instances?.[0]?.Tags).toHaveLength(50);
  });
});
