import { describe, expect, test } from '@jest/globals';
import { toRunInstancesInput } from './instance-launcher.js';
import { buildLaunchRequest, type LaunchPlan, MAX_USER_DATA_BYTES } from './launch-request.js';

function plan(overrides: Partial<LaunchPlan> = {}): LaunchPlan {
  return {
    deploymentId: 'prod',
    intentId: 'int_use1_0123456789abcdef',
    relays: [
      { id: 'rly_use1_aaaaaaaaaaaaaaaa', tenant: 'acme' },
      { id: 'rly_use1_bbbbbbbbbbbbbbbb', tenant: '' },
    ],
    offering: { instanceType: 't3.micro', subnetId: 'subnet-1', market: { type: 'on_demand' } },
    imageId: 'ami-1',
    securityGroupIds: ['sg-2', 'sg-1'],
    userData: '#cloud-config\nü\n',
    ...overrides,
  };
}

describe('a launch request', () => {
  test('is the same after a stay in the store, and gives the same call', () => {
    const request = buildLaunchRequest(plan({ instanceProfile: 'relay' }));
    const stored: typeof request = JSON.parse(JSON.stringify(request));
    expect(stored).toEqual(request);
    expect(JSON.stringify(toRunInstancesInput(stored))).toBe(JSON.stringify(toRunInstancesInput(request)));
    expect(JSON.stringify(buildLaunchRequest(plan({ instanceProfile: 'relay' })))).toBe(JSON.stringify(request));
  });

  test('asks for one to as many instances as there are relays, under the intent as token', () => {
    const request = buildLaunchRequest(plan());
    expect(request).toMatchObject({ clientToken: 'int_use1_0123456789abcdef', minCount: 1, maxCount: 2 });
    expect(buildLaunchRequest(plan({ clientToken: 'other' })).clientToken).toBe('other');
  });

  test('becomes a call for machines that end when they shut down and speak IMDSv2 only', () => {
    expect(toRunInstancesInput(buildLaunchRequest(plan({ instanceProfile: 'relay' })))).toMatchObject({
      InstanceInitiatedShutdownBehavior: 'terminate',
      MetadataOptions: { HttpTokens: 'required', HttpPutResponseHopLimit: 2 },
      NetworkInterfaces: [
        { DeviceIndex: 0, SubnetId: 'subnet-1', Groups: ['sg-2', 'sg-1'], AssociatePublicIpAddress: true },
      ],
      IamInstanceProfile: { Name: 'relay' },
      UserData: Buffer.from('#cloud-config\nü\n').toString('base64'),
    });
  });

  test('tags the instance with everything and the volume with whose it is', () => {
    const specifications = toRunInstancesInput(buildLaunchRequest(plan())).TagSpecifications ?? [];
    const keys = Object.fromEntries(specifications.map((s) => [s.ResourceType, (s.Tags ?? []).map((tag) => tag.Key)]));
    expect(keys).toEqual({
      instance: ['aegis:deployment', 'aegis:intent', 'Name', 'aegis:relays:00', 'aegis:tenants:00'],
      volume: ['aegis:deployment', 'aegis:intent', 'Name'],
    });
  });

  test('asks for spot machines that are not restarted', () => {
    const spot = plan({
      offering: { instanceType: 't3.micro', subnetId: 's', market: { type: 'spot', maxPrice: '0.01' } },
    });
    expect(toRunInstancesInput(buildLaunchRequest(spot)).InstanceMarketOptions).toEqual({
      MarketType: 'spot',
      SpotOptions: { SpotInstanceType: 'one-time', InstanceInterruptionBehavior: 'terminate', MaxPrice: '0.01' },
    });
    expect(toRunInstancesInput(buildLaunchRequest(plan())).InstanceMarketOptions).toBeUndefined();
  });

  test('takes a profile by ARN', () => {
    const arn = 'arn:aws:iam::123456789012:instance-profile/relay';
    expect(toRunInstancesInput(buildLaunchRequest(plan({ instanceProfile: arn }))).IamInstanceProfile).toEqual({
      Arn: arn,
    });
  });

  test('is refused when EC2 could not take it', () => {
    expect(() => buildLaunchRequest(plan({ userData: 'ü'.repeat(MAX_USER_DATA_BYTES / 2 + 1) }))).toThrow(/User data/);
    expect(() => buildLaunchRequest(plan({ clientToken: 'x'.repeat(65) }))).toThrow(/client token/);
    expect(() => buildLaunchRequest(plan({ clientToken: 'ü' }))).toThrow(/client token/);
    expect(() => buildLaunchRequest(plan({ relays: [] }))).toThrow(RangeError);
  });
});
