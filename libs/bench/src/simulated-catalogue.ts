import { DEFAULT_IMAGE_IDS, DEFAULT_SECURITY_GROUP_IDS, DEFAULT_SUBNET_IDS } from '@aegis/ec2-sim';

const INSTANCE_TYPE = 't3.micro';

/** What a region of the configuration launches: the first of what the simulator's catalogue has. */
export const CATALOGUE = {
  imageId: DEFAULT_IMAGE_IDS[0] ?? '',
  instanceTypes: [INSTANCE_TYPE],
  subnetIds: DEFAULT_SUBNET_IDS.slice(0, 1),
  securityGroupIds: DEFAULT_SECURITY_GROUP_IDS.slice(0, 1),
};

/** RunInstances for one instance of the same kind, as a baseline sends it. */
export const ONE_INSTANCE = {
  ImageId: CATALOGUE.imageId,
  InstanceType: INSTANCE_TYPE,
  SubnetId: CATALOGUE.subnetIds[0] ?? '',
  MinCount: 1,
  MaxCount: 1,
} as const;
