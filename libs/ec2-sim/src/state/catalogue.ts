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

/** SSM parameters that AWS itself keeps, with the images they name here. */
const DEFAULT_IMAGE_PARAMETERS: Readonly<Record<string, string>> = {
  '/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64': 'ami-0abcdef1234567890',
  '/aws/service/debian/release/12/latest/amd64': 'ami-0123456789abcdef0',
};

export interface CatalogueOptions {
  imageIds?: readonly string[];
  /** Image ids by the name of the SSM parameter that holds them, where asked for with its version or label. */
  imageParameters?: Readonly<Record<string, string>>;
  /** The first lies in the region's zone `a`, the second in `b`, the third in `c`, the fourth in `a` again. */
  subnetIds?: readonly string[];
  securityGroupIds?: readonly string[];
}

/** The images, subnets and security groups of one region; only these are found. */
export class Catalogue {
  readonly imageIds: ReadonlySet<string>;
  /** Can be changed while the simulator runs, as parameters are. */
  readonly imageParameters = new Map<string, string>();
  readonly #initialParameters: Readonly<Record<string, string>>;
  readonly securityGroupIds: ReadonlySet<string>;
  readonly subnets: readonly Subnet[];
  readonly vpcId = VPC_ID;

  constructor(region: string, options: CatalogueOptions) {
    this.imageIds = new Set(options.imageIds ?? DEFAULT_IMAGE_IDS);
    this.#initialParameters = options.imageParameters ?? DEFAULT_IMAGE_PARAMETERS;
    this.reset();
    this.securityGroupIds = new Set(options.securityGroupIds ?? DEFAULT_SECURITY_GROUP_IDS);
    this.subnets = (options.subnetIds ?? DEFAULT_SUBNET_IDS).map((id, index) => ({
      id,
      availabilityZone: `${region}${'abc'.charAt(index % 3)}`,
      vpcId: VPC_ID,
      network: `10.${index % 256}`,
    }));
  }

  /** Parameters are what they were at the start. */
  reset(): void {
    this.imageParameters.clear();
    for (const [name, imageId] of Object.entries(this.#initialParameters)) this.imageParameters.set(name, imageId);
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
