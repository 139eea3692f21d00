import {
  CreateTagsCommand,
  DeleteTagsCommand,
  DescribeImagesCommand,
  DescribeInstancesCommand,
  DescribeSubnetsCommand,
  DescribeTagsCommand,
  type EC2Client,
  RunInstancesCommand,
  type Tag,
} from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { DEFAULT_IMAGE_IDS, DEFAULT_SUBNET_IDS } from '../state/catalogue.js';
import { failureOf, launchInput, startTestCloud, type TestCloud } from '../testing/test-cloud.js';

let cloud: TestCloud;
let ec2: EC2Client;
beforeAll(async () => {
  cloud = await startTestCloud({ settings: { throttle: false } });
  ec2 = cloud.ec2();
});
beforeEach(() => cloud.control.reset());
afterAll(() => cloud.stop());

async function launch(count = 1): Promise<string[]> {
  const TagSpecifications = [{ ResourceType: 'instance' as const, Tags: [{ Key: 'first', Value: '1' }] }];
  const answer = await ec2.send(new RunInstancesCommand(launchInput({ MaxCount: count, TagSpecifications })));
  return (answer.Instances ?? []).map((instance) => instance.InstanceId ?? '');
}

async function tagsOf(id: string): Promise<Record<string, string>> {
  return (await cloud.control.instance(id)).tags;
}

test('tags are added, replaced and found by filters at once, on the named instances alone', async () => {
  const [a = '', b = ''] = await launch(2);
  const Tags: Tag[] = [
    { Key: 'first', Value: '2' },
    { Key: 'second', Value: 'x' },
  ];
  await ec2.send(new CreateTagsCommand({ Resources: [a], Tags }));
  expect(await tagsOf(a)).toEqual({ first: '2', second: 'x' });
  expect(await tagsOf(b)).toEqual({ first: '1' });
  const found = async (value: string) => {
    const Filters = [{ Name: 'tag:first', Values: [value] }];
    const answer = await ec2.send(new DescribeInstancesCommand({ Filters }));
    return answer.Reservations?.flatMap((one) => one.Instances?.map(({ InstanceId }) => InstanceId));
  };
  expect(await found('1')).toEqual([b]);
  expect(await found('2')).toEqual([a]);
});

test('tags are deleted by key, or by key and value', async () => {
  const [id = ''] = await launch();
  await ec2.send(new CreateTagsCommand({ Resources: [id], Tags: [{ Key: 'second', Value: 'x' }] }));
  await ec2.send(new DeleteTagsCommand({ Resources: [id], Tags: [{ Key: 'first', Value: 'other' }] }));
  expect(await tagsOf(id)).toEqual({ first: '1', second: 'x' });
  await ec2.send(new DeleteTagsCommand({ Resources: [id], Tags: [{ Key: 'first' }, { Key: 'second', Value: 'x' }] }));
  expect(await tagsOf(id)).toEqual({});
});

test('the limits hold for what an instance ends up with', async () => {
  const [id = ''] = await launch();
  const Tags = Array.from({ length: 50 }, (_, n) => ({ Key: `k${n}`, Value: '' }));
  const error = await failureOf(ec2.send(new CreateTagsCommand({ Resources: [id], Tags })));
  expect(error.name).toBe('TagLimitExceeded');
  expect(await tagsOf(id)).toEqual({ first: '1' });
  const unknown = new CreateTagsCommand({ Resources: ['i-0fffffffffffffff0'], Tags: [{ Key: 'a', Value: 'b' }] });
  expect((await failureOf(ec2.send(unknown))).name).toBe('InvalidInstanceID.NotFound');
});

test('tags are listed with filters and pages', async () => {
  const ids = await launch(7);
  const first = await ec2.send(new DescribeTagsCommand({ MaxResults: 5 }));
  const rest = await ec2.send(new DescribeTagsCommand({ MaxResults: 5, NextToken: first.NextToken }));
  expect([...(first.Tags ?? []), ...(rest.Tags ?? [])].map(({ ResourceId }) => ResourceId)).toEqual(ids);
  const Filters = [{ Name: 'resource-id', Values: [ids[0] ?? ''] }];
  expect((await ec2.send(new DescribeTagsCommand({ Filters }))).Tags).toEqual([
    { Key: 'first', Value: '1', ResourceId: ids[0], ResourceType: 'instance' },
  ]);
});

test('images and subnets are those of the catalogue', async () => {
  const images = await ec2.send(new DescribeImagesCommand({ ImageIds: [DEFAULT_IMAGE_IDS[0] ?? ''] }));
  expect(images.Images).toMatchObject([{ ImageId: DEFAULT_IMAGE_IDS[0], State: 'available' }]);
  const noImage = ec2.send(new DescribeImagesCommand({ ImageIds: ['ami-0fffffffffffffff0'] }));
  expect((await failureOf(noImage)).name).toBe('InvalidAMIID.NotFound');

  const Filters = [{ Name: 'availability-zone', Values: ['us-east-1b'] }];
  const subnets = await ec2.send(new DescribeSubnetsCommand({ Filters }));
  expect(subnets.Subnets?.map(({ SubnetId }) => SubnetId)).toEqual([DEFAULT_SUBNET_IDS[1]]);
  const noSubnet = ec2.send(new DescribeSubnetsCommand({ SubnetIds: ['subnet-0fffffffffffffff0'] }));
  expect((await failureOf(noSubnet)).name).toBe('InvalidSubnetID.NotFound');
});
