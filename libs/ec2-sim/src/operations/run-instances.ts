import { Ec2Error } from '../protocol/ec2-error.js';
import type { Operation, OperationContext, OperationResult } from '../protocol/operation.js';
import type { Cloud } from '../state/cloud.js';
import type { Launch } from '../state/model.js';
import { instanceXml, reservationXml } from './instance-xml.js';
import { readLaunchRequest } from './launch-request.js';

const PARAMETERS = new Set([
  'AdditionalInfo',
  'BlockDeviceMapping',
  'CapacityReservationSpecification',
  'ClientToken',
  'CpuOptions',
  'CreditSpecification',
  'DisableApiStop',
  'DisableApiTermination',
  'EbsOptimized',
  'ElasticGpuSpecification',
  'ElasticInferenceAccelerator',
  'EnablePrimaryIpv6',
  'EnclaveOptions',
  'HibernationOptions',
  'IamInstanceProfile',
  'ImageId',
  'InstanceInitiatedShutdownBehavior',
  'InstanceMarketOptions',
  'InstanceType',
  'Ipv6Address',
  'Ipv6AddressCount',
  'KernelId',
  'KeyName',
  'LicenseSpecification',
  'MaintenanceOptions',
  'MaxCount',
  'MetadataOptions',
  'MinCount',
  'Monitoring',
  'NetworkInterface',
  'NetworkPerformanceOptions',
  'Operator',
  'Placement',
  'PrivateDnsNameOptions',
  'PrivateIpAddress',
  'RamdiskId',
  'SecurityGroup',
  'SecurityGroupId',
  'SubnetId',
  'TagSpecification',
  'UserData',
]);

export const runInstances: Operation = {
  parameters: PARAMETERS,

  instancesAsked(params) {
    const asked = Number(params.string('MaxCount'));
    return Number.isInteger(asked) && asked > 0 ? asked : 0;
  },

  run(context) {
    const { cloud, region, params } = context;
    const { spec, min, max, clientToken } = readLaunchRequest(params, region.catalogue);
    if (params.boolean('DryRun') === true) {
      throw new Ec2Error('DryRunOperation', 'Request would have succeeded, but DryRun flag is set.');
    }
    const replayed = replay(context, clientToken);
    if (replayed !== undefined) {
      cloud.throttle.giveBackInstances(region.name, 'RunInstances', max);
      return answer(replayed, cloud);
    }
    const offering = {
      region: region.name,
      instanceType: spec.instanceType,
      subnetId: spec.subnet.id,
      market: spec.market,
    };
    const count = cloud.capacity.grant(offering, min, max);
    cloud.throttle.giveBackInstances(region.name, 'RunInstances', max - count);
    return answer(
      cloud.launch({ region, spec, count, clientToken, fingerprint: context.fingerprint, cause: 'api' }),
      cloud,
    );
  },
};

/** What the client token says: nothing, the launch it stands for, or why it can no longer be used. */
function replay({ cloud, region, fingerprint }: OperationContext, token: string | null): Launch | undefined {
  const launch = token === null ? undefined : region.launchesByToken.get(token);
  if (launch === undefined) return undefined;
  if (launch.fingerprint !== fingerprint) {
    throw new Ec2Error(
      'IdempotentParameterMismatch',
      'Arguments on this idempotent request are inconsistent with arguments used in previous request(s).',
    );
  }
  if (isSpent(launch, cloud.settings.idempotentTerminated)) {
    throw new Ec2Error(
      'IdempotentInstanceTerminated',
      'The client token you have provided is associated with a terminated instance. Please use a different client token.',
    );
  }
  return launch;
}

function isSpent(launch: Launch, rule: Cloud['settings']['idempotentTerminated']): boolean {
  if (rule === 'never') return false;
  const ended = launch.instances.filter((instance) => instance.state === 'terminated').length;
  return rule === 'any' ? ended > 0 : ended === launch.instances.length;
}

function answer(launch: Launch, cloud: Cloud): OperationResult {
  // All at once: a machine may be running before the last of them is written.
  const instancesSet = launch.instances.map((instance) => instanceXml(instance, cloud.now(), cloud.settings));
  return { body: reservationXml(launch, instancesSet), instances: launch.instances.length };
}
