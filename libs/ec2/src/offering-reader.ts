import type { OfferingReader } from './cloud-provider.js';
import type { RegionClient } from './region-client.js';
import { ec2 } from './sdk.js';

export function createOfferingReader(clientOf: (region: string) => RegionClient): OfferingReader {
  return {
    async describeImages(region, imageIds, { signal } = {}) {
      const command = new ec2.DescribeImagesCommand({ ImageIds: [...imageIds] });
      const output = await clientOf(region).call({ op: 'describe_images', command, signal });
      return (output.Images ?? []).map((image) => ({
        imageId: image.ImageId ?? '',
        state: image.State ?? '',
        architecture: image.Architecture ?? null,
      }));
    },

    async describeSubnets(region, subnetIds, { signal } = {}) {
      const command = new ec2.DescribeSubnetsCommand({ SubnetIds: [...subnetIds] });
      const output = await clientOf(region).call({ op: 'describe_subnets', command, signal });
      return (output.Subnets ?? []).map((subnet) => ({
        subnetId: subnet.SubnetId ?? '',
        state: subnet.State ?? '',
        zone: subnet.AvailabilityZone ?? null,
        freeAddresses: subnet.AvailableIpAddressCount ?? 0,
      }));
    },
  };
}
