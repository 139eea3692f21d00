import { Ec2Error, invalidValue } from '../protocol/ec2-error.js';
import type { QueryParams } from '../protocol/query-params.js';
import type { Catalogue } from '../state/catalogue.js';
import type { LaunchSpec, Market, MetadataOptions } from '../state/model.js';
import { readNetwork } from './launch-network.js';
import { readTags } from './tag-rules.js';

const MAX_USER_DATA_BYTES = 16_384;
const INSTANCE_TYPE = /^[a-z][a-z0-9-]*\.(?:nano|micro|small|medium|large|\d*xlarge|metal(?:-\d+xl)?)$/;
const TAGGABLE = new Set(['instance', 'volume', 'network-interface', 'spot-instances-request', 'elastic-gpu']);

export interface LaunchRequest {
  min: number;
  max: number;
  clientToken: string | null;
  spec: LaunchSpec;
}

/** Checks a RunInstances request as EC2 does and reads it into a launch. */
export function readLaunchRequest(params: QueryParams, catalogue: Catalogue): LaunchRequest {
  const imageId = readImageId(params, catalogue);
  const { min, max } = readCounts(params);
  const placement = params.child('Placement');
  return {
    min,
    max,
    clientToken: readClientToken(params),
    spec: {
      imageId,
      instanceType: readInstanceType(params),
      ...readNetwork(params, catalogue),
      market: readMarket(params),
      shutdownBehavior: params.oneOf('InstanceInitiatedShutdownBehavior', ['stop', 'terminate']) ?? 'stop',
      terminationProtection: params.boolean('DisableApiTermination') ?? false,
      metadataOptions: readMetadataOptions(params),
      userData: readUserData(params),
      instanceProfile: readInstanceProfile(params),
      keyName: params.string('KeyName') ?? null,
      tenancy: placement?.oneOf('Tenancy', ['default', 'dedicated', 'host']) ?? 'default',
      monitoring: params.child('Monitoring')?.boolean('Enabled') ?? false,
      ebsOptimized: params.boolean('EbsOptimized') ?? false,
      tags: readInstanceTags(params),
    },
  };
}

const PARAMETER_REFERENCE = 'resolve:ssm:';

function readImageId(params: QueryParams, catalogue: Catalogue): string {
  const imageId = resolveImage(params.required('ImageId'), catalogue);
  if (!/^ami-(?:[0-9a-f]{8}|[0-9a-f]{17})$/.test(imageId)) {
    throw new Ec2Error('InvalidAMIID.Malformed', `Invalid id: "${imageId}" (expecting "ami-...")`);
  }
  if (!catalogue.imageIds.has(imageId)) {
    throw new Ec2Error('InvalidAMIID.NotFound', `The image id '[${imageId}]' does not exist`);
  }
  return imageId;
}

/**
 * What the SSM parameter says at the moment. EC2 Query's `ImageId` takes `resolve:ssm:NAME`, with `:VERSION` or `:LABEL`
 * behind it; only parameters of the type `aws:ec2:image` will do, so that a value that is no image id gets this far never.
 */
function resolveImage(asked: string, catalogue: Catalogue): string {
  if (!asked.startsWith(PARAMETER_REFERENCE)) return asked;
  const name = asked.slice(PARAMETER_REFERENCE.length);
  const imageId = catalogue.imageParameters.get(name);
  if (imageId === undefined) throw new Ec2Error('SsmInvalidParameter', `Parameter ${name} not found.`);
  return imageId;
}

function readCounts(params: QueryParams): { min: number; max: number } {
  params.required('MinCount');
  params.required('MaxCount');
  const min = params.integer('MinCount') ?? 1;
  const max = params.integer('MaxCount') ?? 1;
  if (min < 1) throw invalidValue('minCount', String(min), 'Expecting a value of at least 1.');
  if (max < min) throw invalidValue('maxCount', String(max), `Expecting a value of at least minCount (${min}).`);
  return { min, max };
}

function readInstanceType(params: QueryParams): string {
  const type = params.string('InstanceType') ?? 'm1.small';
  if (!INSTANCE_TYPE.test(type))
    throw new Ec2Error('InvalidParameterValue', `Invalid value '${type}' for InstanceType.`);
  return type;
}

function readClientToken(params: QueryParams): string | null {
  const token = params.string('ClientToken');
  if (token === undefined || token === '') return null;
  if (token.length > 64) throw invalidValue('clientToken', token, 'Length must be at most 64 characters.');
  if (!/^\p{ASCII}*$/u.test(token)) throw invalidValue('clientToken', token, 'Expecting ASCII characters.');
  return token;
}

function readUserData(params: QueryParams): string | null {
  const userData = params.string('UserData');
  if (userData === undefined || userData === '') return null;
  if (!/^[A-Za-z0-9+/\s]*={0,2}\s*$/.test(userData)) {
    throw new Ec2Error('InvalidUserData.Malformed', 'Invalid BASE64 encoding of user data.');
  }
  if (Buffer.byteLength(userData, 'base64') > MAX_USER_DATA_BYTES) {
    throw new Ec2Error('InvalidParameterValue', `User data is limited to ${MAX_USER_DATA_BYTES} bytes`);
  }
  return userData;
}

function readMarket(params: QueryParams): Market {
  const options = params.child('InstanceMarketOptions');
  if (options === undefined) return 'on-demand';
  const market = options.oneOf('MarketType', ['spot', 'capacity-block']);
  if (market === 'capacity-block') throw new Ec2Error('Unsupported', 'Capacity Blocks are not simulated.');
  const spot = options.child('SpotOptions');
  spot?.oneOf('SpotInstanceType', ['one-time', 'persistent']);
  spot?.oneOf('InstanceInterruptionBehavior', ['hibernate', 'stop', 'terminate']);
  return market === 'spot' ? 'spot' : 'on-demand';
}

function readMetadataOptions(params: QueryParams): MetadataOptions {
  const options = params.child('MetadataOptions');
  const hopLimit = options?.integer('HttpPutResponseHopLimit') ?? 1;
  if (hopLimit < 1 || hopLimit > 64) {
    throw invalidValue('httpPutResponseHopLimit', String(hopLimit), 'Expecting a value between 1 and 64.');
  }
  return {
    httpTokens: options?.oneOf('HttpTokens', ['optional', 'required']) ?? 'optional',
    httpEndpoint: options?.oneOf('HttpEndpoint', ['enabled', 'disabled']) ?? 'enabled',
    httpPutResponseHopLimit: hopLimit,
    instanceMetadataTags: options?.oneOf('InstanceMetadataTags', ['enabled', 'disabled']) ?? 'disabled',
  };
}

function readInstanceProfile(params: QueryParams): string | null {
  const profile = params.child('IamInstanceProfile');
  const name = profile?.string('Name');
  const arn = profile?.string('Arn');
  if (name !== undefined && arn !== undefined) {
    throw new Ec2Error(
      'InvalidParameterCombination',
      "The parameter 'iamInstanceProfile.name' may not be used in combination with 'iamInstanceProfile.arn'",
    );
  }
  return arn ?? (name === undefined ? null : `arn:aws:iam::123456789012:instance-profile/${name}`);
}

function readInstanceTags(params: QueryParams): Map<string, string> {
  let tags = new Map<string, string>();
  const seen = new Set<string>();
  for (const specification of params.list('TagSpecification')) {
    const type = specification.required('ResourceType');
    if (!TAGGABLE.has(type)) {
      throw new Ec2Error(
        'InvalidParameterValue',
        `'${type}' is not a valid taggable resource type for this operation.`,
      );
    }
    if (seen.has(type)) {
      throw new Ec2Error('InvalidParameterValue', `Duplicate resource type '${type}' in tag specifications.`);
    }
    seen.add(type);
    const specified = readTags(specification);
    if (type === 'instance') tags = specified;
  }
  return tags;
}
