import { RunInstancesCommand, type RunInstancesCommandInput } from '@aws-sdk/client-ec2';
import type { InstanceLauncher } from './cloud-provider.js';
import type { LaunchRequest } from './launch-request.js';
import { isPackedTag } from './launch-tags.js';
import type { RegionClient } from './region-client.js';
import { callForInstances } from './take-instances.js';

export function createInstanceLauncher(clientOf: (region: string) => RegionClient): InstanceLauncher {
  return {
    async launch(region, request, options = {}) {
      const client = clientOf(region);
      const { instances, output } = await callForInstances(client, {
        op: 'run_instances',
        command: new RunInstancesCommand(toRunInstancesInput(request)),
        signal: options.signal,
        instances: request.maxCount,
      });
      client.budget?.unused('run_instances', request.maxCount - instances.length);
      return {
        instances: instances.sort((a, b) => a.launchIndex - b.launchIndex),
        requestId: output.$metadata.requestId ?? null,
      };
    },

    launchAllowance(region) {
      return clientOf(region).budget?.allowance('run_instances') ?? { instances: Number.POSITIVE_INFINITY, waitMs: 0 };
    },
  };
}

/** The same request always gives the same input, down to the order of its lists. */
export function toRunInstancesInput(request: LaunchRequest): RunInstancesCommandInput {
  const tags = request.tags.map(({ key, value }) => ({ Key: key, Value: value }));
  return {
    ClientToken: request.clientToken,
    ImageId: request.imageId,
    InstanceType: request.instanceType as NonNullable<RunInstancesCommandInput['InstanceType']>,
    MinCount: request.minCount,
    MaxCount: request.maxCount,
    UserData: Buffer.from(request.userData).toString('base64'),
    // A machine that shuts itself down must not stay on the bill as a stopped one.
    InstanceInitiatedShutdownBehavior: 'terminate',
    // Two hops, or a container on the relay cannot reach the metadata service.
    MetadataOptions: { HttpEndpoint: 'enabled', HttpTokens: 'required', HttpPutResponseHopLimit: 2 },
    NetworkInterfaces: [
      {
        DeviceIndex: 0,
        SubnetId: request.subnetId,
        Groups: [...request.securityGroupIds],
        AssociatePublicIpAddress: true,
        DeleteOnTermination: true,
      },
    ],
    ...(request.instanceProfile === null ? {} : { IamInstanceProfile: instanceProfile(request.instanceProfile) }),
    ...(request.market.type === 'spot' ? { InstanceMarketOptions: spotOptions(request.market.maxPrice) } : {}),
    TagSpecifications: [
      { ResourceType: 'instance', Tags: tags },
      // Enough to find whose a volume is; the long lists are on its instance.
      { ResourceType: 'volume', Tags: tags.filter((tag) => !isPackedTag(tag.Key)) },
    ],
  };
}

function instanceProfile(nameOrArn: string): NonNullable<RunInstancesCommandInput['IamInstanceProfile']> {
  return nameOrArn.startsWith('arn:') ? { Arn: nameOrArn } : { Name: nameOrArn };
}

function spotOptions(maxPrice: string | null): NonNullable<RunInstancesCommandInput['InstanceMarketOptions']> {
  return {
    MarketType: 'spot',
    SpotOptions: {
      SpotInstanceType: 'one-time',
      InstanceInterruptionBehavior: 'terminate',
      ...(maxPrice === null ? {} : { MaxPrice: maxPrice }),
    },
  };
}
