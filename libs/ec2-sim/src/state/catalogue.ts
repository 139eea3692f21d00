import type { Subnet } from './model.js';

const VPC_ID = 'vpc-0123456789abcdef0';

/** What every region offers unless told otherwise: the ids AWS's own documentation uses in its examples. */
export const DEFAULT_IMAGE_IDS: readonly string[] = ['ami-0abcdef1234567890', 'ami-0123456789abcdef0'];
export const DEFAULT_SUBNET_IDS: readonly string[] = [
  'subnet-0123456789abcdef0',
  'subnet-0123456789abcdef1',
  'subnet-0123456789abcdef2',
];
export const DEFAULT_SECURITY_GROUP_IDS: readonly string[] = ['sg-0123456789abcdef0', 'sg-0123456789abcdef1'];

export interface CatalogueOptions {
  imageIds?: readonly string[];
  /** The first lies in the region's zone `a`, the second in `b`, the third in `c`, the fourth in `a` again. */
  subnetIds?: readonly string[];
  securityGroupIds?: readonly string[];
}

/** The images, subnets and security groups of one region; only these are found. */
export class Catalogue {
  readonly imageIds: ReadonlySet<string>;
  readonly securityGroupIds: ReadonlySet<string>;
  readonly subnets: readonly Subnet[];
  readonly vpcId = VPC_ID;

  constructor(region: string, options: CatalogueOptions) {
    this.imageIds = new Set(options.imageIds ?? DEFAULT_IMAGE_IDS);
    this.securityGroupIds = new Set(options.securityGroupIds ?? DEFAULT_SECURITY_GROUP_IDS);
    this.subnets = (options.subnetIds ?? DEFAULT_SUBNET_IDS).map((id, index) => ({
      id,
      availabilityZone: `${region}${'abc'.charAt(index % 3)}`,
      vpcId: VPC_ID,
      network: `10.${index % 256}`,
    }));
  }

  subnet(id: string): Subnet | undefined {
    return this.subnets.find((subnet) => subnet.id === id);
  }

  defaultSubnet(availabilityZone: string | undefined): Subnet | undefined {
    return this.subnets.find(
      (subnet) => availabilityZone === undefined || subnet.availabilityZone === availabilityZone,
    );
  }

  defaultSecurityGroupId(): string | undefined {
    return this.securityGroupIds.values().next().value;
  }
}
