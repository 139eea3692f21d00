import { Ec2Error, missingParameter } from '../protocol/ec2-error.js';
import type { Operation } from '../protocol/operation.js';
import { type Cloud, USER_INITIATED } from '../state/cloud.js';
import type { Instance } from '../state/model.js';
import type { Region } from '../state/region.js';
import { instancesById } from './instance-ids.js';
import { stateXml } from './instance-xml.js';

const MAX_IDS = 1000;

export const terminateInstances: Operation = {
  parameters: new Set(['Force', 'InstanceId', 'SkipOsShutdown']),

  instancesAsked: (params) => params.strings('InstanceId').length,

  run({ cloud, region, params }) {
    const ids = params.strings('InstanceId');
    if (ids.length === 0) throw missingParameter('InstanceId');
    if (ids.length > MAX_IDS) {
      throw new Ec2Error(
        'InvalidParameterValue',
        `The number of instance IDs (${ids.length}) exceeds the maximum of ${MAX_IDS}`,
      );
    }
    const instances = named(cloud, region, ids);
    const protectedOnes = instances.filter((instance) => instance.protected && instance.state !== 'terminated');
    if (params.boolean('DryRun') === true) {
      throw new Ec2Error('DryRunOperation', 'Request would have succeeded, but DryRun flag is set.');
    }
    if (protectedOnes.length > 0) throw refuse(cloud, instances, protectedOnes);
    const instancesSet = instances.map((instance) => {
      const previousState = stateXml(instance.state);
      cloud.shutDown(instance, 'api', USER_INITIATED);
      return { instanceId: instance.id, currentState: stateXml(instance.state), previousState };
    });
    return { body: { instancesSet }, instances: instances.length };
  },
};

function named(cloud: Cloud, region: Region, ids: readonly string[]): Instance[] {
  try {
    return instancesById(region, ids, cloud.now());
  } catch (error) {
    const unknown = error instanceof Ec2Error && error.code === 'InvalidInstanceID.NotFound';
    if (!unknown || cloud.settings.terminateUnknown === 'not-found') throw error;
    // A policy that allows by tag cannot match what no longer exists, and IAM is asked before EC2.
    throw new Ec2Error(
      'UnauthorizedOperation',
      'You are not authorized to perform this operation. User is not authorized to perform: ec2:TerminateInstances because no identity-based policy allows the ec2:TerminateInstances action.',
    );
  }
}

/** Termination protection spares its whole Availability Zone; other zones' instances go although the call fails. */
function refuse(cloud: Cloud, instances: readonly Instance[], protectedOnes: readonly Instance[]): Ec2Error {
  const zoneOf = (instance: Instance) => instance.launch.spec.subnet.availabilityZone;
  const spared = new Set(protectedOnes.map(zoneOf));
  for (const instance of instances) if (!spared.has(zoneOf(instance))) cloud.shutDown(instance, 'api', USER_INITIATED);
  const ids = protectedOnes.map((instance) => instance.id).join(', ');
  return new Ec2Error(
    'OperationNotPermitted',
    `The instance '${ids}' may not be terminated. Modify its 'disableApiTermination' instance attribute and try again.`,
  );
}
