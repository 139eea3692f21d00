import { Ec2Error, invalidValue } from '../protocol/ec2-error.js';
import type { QueryParams } from '../protocol/query-params.js';
import type { Catalogue } from '../state/catalogue.js';
import type { Subnet } from '../state/model.js';

interface LaunchNetwork {
  subnet: Subnet;
  securityGroupIds: string[];
  publicAddress: boolean;
}

/** Where a launch goes: by its own subnet and groups, or by those of its primary network interface. */
export function readNetwork(params: QueryParams, catalogue: Catalogue): LaunchNetwork {
  const interfaces = params.list('NetworkInterface');
  const source = interfaces.length === 0 ? params : primaryInterface(params, interfaces);
  const zone = readZone(params, catalogue);
  return {
    subnet: readSubnet(source.string('SubnetId'), zone, catalogue),
    securityGroupIds: readGroups(source.strings('SecurityGroupId'), catalogue),
    // The simulated subnets map public addresses on launch unless the interface says otherwise.
    publicAddress: (interfaces.length === 0 ? undefined : source.boolean('AssociatePublicIpAddress')) ?? true,
  };
}

function primaryInterface(params: QueryParams, interfaces: readonly QueryParams[]): QueryParams {
  for (const [parameter, name] of [
    ['SubnetId', 'subnet ID'],
    ['SecurityGroupId', 'security groups'],
    ['SecurityGroup', 'security groups'],
  ] as const) {
    if (params.has(parameter)) {
      throw new Ec2Error(
        'InvalidParameterCombination',
        `Network interfaces and an instance-level ${name} may not be specified on the same request`,
      );
    }
  }
  if (interfaces.length > 1 && interfaces.some((one) => one.boolean('AssociatePublicIpAddress') !== undefined)) {
    throw new Ec2Error(
      'InvalidParameterCombination',
      'The associatePublicIPAddress parameter cannot be specified when launching with multiple network interfaces.',
    );
  }
  const primary = interfaces.find((one) => one.integer('DeviceIndex') === 0);
  if (primary === undefined) {
    throw new Ec2Error(
      'InvalidParameterValue',
      'When specifying network interfaces, you must include a device at index 0.',
    );
  }
  return primary;
}

function readZone(params: QueryParams, catalogue: Catalogue): string | undefined {
  const zone = params.child('Placement')?.string('AvailabilityZone');
  if (zone !== undefined && catalogue.defaultSubnet(zone) === undefined) {
    throw new Ec2Error('InvalidParameterValue', `Invalid availability zone: [${zone}]`);
  }
  return zone;
}

function readSubnet(id: string | undefined, zone: string | undefined, catalogue: Catalogue): Subnet {
  if (id === undefined) {
    const subnet = catalogue.defaultSubnet(zone);
    if (subnet === undefined)
      throw new Ec2Error('MissingInput', 'No subnets found for the default VPC. Please specify a subnet.');
    return subnet;
  }
  const subnet = catalogue.subnet(id);
  if (subnet === undefined) throw new Ec2Error('InvalidSubnetID.NotFound', `The subnet ID '${id}' does not exist`);
  if (zone !== undefined && subnet.availabilityZone !== zone) {
    throw invalidValue('availabilityZone', zone, `Subnet ${id} is in the availability zone ${subnet.availabilityZone}`);
  }
  return subnet;
}

function readGroups(ids: string[], catalogue: Catalogue): string[] {
  for (const id of ids) {
    if (!id.startsWith('sg-'))
      throw new Ec2Error('InvalidGroupId.Malformed', `Invalid id: "${id}" (expecting "sg-...")`);
    if (!catalogue.securityGroupIds.has(id)) {
      throw new Ec2Error(
        'InvalidGroup.NotFound',
        `The security group '${id}' does not exist in VPC '${catalogue.vpcId}'`,
      );
    }
  }
  if (ids.length > 0) return ids;
  const standard = catalogue.defaultSecurityGroupId();
  return standard === undefined ? [] : [standard];
}
