import { Ec2Error } from '../protocol/ec2-error.js';
import type { Operation } from '../protocol/operation.js';
import type { XmlObject } from '../protocol/xml.js';
import type { Subnet } from '../state/model.js';
import { type Filter, readFilters } from './filters.js';

function matchesAll(filters: readonly Filter[], values: Readonly<Record<string, string>>): boolean {
  return filters.every((filter) => filter.matches(values[filter.name] ?? ''));
}

const IMAGE_FILTERS = new Set(['image-id', 'state', 'architecture', 'image-type', 'is-public', 'name']);

export const describeImages: Operation = {
  parameters: new Set([
    'ExecutableBy',
    'Filter',
    'ImageId',
    'IncludeDeprecated',
    'IncludeDisabled',
    'MaxResults',
    'NextToken',
    'Owner',
  ]),

  run({ region, params }) {
    const named = params.strings('ImageId');
    const missing = named.filter((id) => !region.catalogue.imageIds.has(id));
    if (missing.length > 0) {
      throw new Ec2Error('InvalidAMIID.NotFound', `The image id '[${missing.join(', ')}]' does not exist`);
    }
    const filters = readFilters(params, (name) => IMAGE_FILTERS.has(name));
    const imagesSet: XmlObject[] = [];
    for (const id of named.length > 0 ? named : region.catalogue.imageIds) {
      const values = {
        'image-id': id,
        state: 'available',
        architecture: 'x86_64',
        'image-type': 'machine',
        'is-public': 'true',
        name: `relay-${id}`,
      };
      if (matchesAll(filters, values)) imagesSet.push(imageXml(id));
    }
    return { body: { imagesSet }, instances: 0 };
  },
};

function imageXml(imageId: string): XmlObject {
  return {
    imageId,
    imageLocation: `amazon/relay-${imageId}`,
    imageState: 'available',
    imageOwnerId: '123456789012',
    isPublic: true,
    architecture: 'x86_64',
    imageType: 'machine',
    name: `relay-${imageId}`,
    rootDeviceType: 'ebs',
    rootDeviceName: '/dev/xvda',
    virtualizationType: 'hvm',
    hypervisor: 'xen',
    creationDate: '2025-01-01T00:00:00.000Z',
  };
}

const SUBNET_FILTERS = new Set(['subnet-id', 'availability-zone', 'vpc-id', 'state', 'default-for-az']);

export const describeSubnets: Operation = {
  parameters: new Set(['Filter', 'MaxResults', 'NextToken', 'SubnetId']),

  run({ region, params }) {
    const named = params.strings('SubnetId');
    for (const id of named) {
      if (region.catalogue.subnet(id) === undefined) {
        throw new Ec2Error('InvalidSubnetID.NotFound', `The subnet ID '${id}' does not exist`);
      }
    }
    const filters = readFilters(params, (name) => SUBNET_FILTERS.has(name));
    const subnetSet = region.catalogue.subnets
      .filter((subnet) => named.length === 0 || named.includes(subnet.id))
      .filter((subnet) =>
        matchesAll(filters, {
          'subnet-id': subnet.id,
          'availability-zone': subnet.availabilityZone,
          'vpc-id': subnet.vpcId,
          state: 'available',
          'default-for-az': 'true',
        }),
      )
      .map(subnetXml);
    return { body: { subnetSet }, instances: 0 };
  },
};

function subnetXml(subnet: Subnet): XmlObject {
  return {
    subnetId: subnet.id,
    state: 'available',
    vpcId: subnet.vpcId,
    cidrBlock: `${subnet.network}.0.0/16`,
    availableIpAddressCount: 65_531,
    availabilityZone: subnet.availabilityZone,
    defaultForAz: true,
    mapPublicIpOnLaunch: true,
    tagSet: [],
  };
}
