import {
  INSTANCE_STATES,
  type Instance,
  type InstanceState,
  privateAddressOf,
  publicAddressOf,
} from '../state/model.js';
import type { SimInstance, SimInstanceDetails } from './control-types.js';

export function instanceView(instance: Instance): SimInstance {
  const { launch, agentSession } = instance;
  return {
    id: instance.id,
    region: launch.region,
    state: instance.state,
    tags: Object.fromEntries(instance.tags),
    clientToken: launch.clientToken,
    launchIndex: instance.launchIndex,
    reservationId: launch.reservationId,
    instanceType: launch.spec.instanceType,
    imageId: launch.spec.imageId,
    subnetId: launch.spec.subnet.id,
    market: launch.spec.market,
    privateAddress: privateAddressOf(instance),
    publicAddress: publicAddressOf(instance),
    protected: instance.protected,
    launchedAt: launch.launchedAt,
    runningAt: instance.runningAt,
    endedAt: instance.endedAt,
    stateReason: instance.stateReason,
    launchCause: launch.cause,
    endCause: instance.endCause,
    agent: agentSession && { relayId: agentSession.relayId, leaseExpiresAt: agentSession.leaseExpiresAt },
  };
}

export function instanceDetails(instance: Instance): SimInstanceDetails {
  const { spec } = instance.launch;
  return {
    ...instanceView(instance),
    userData: spec.userData === null ? null : Buffer.from(spec.userData, 'base64').toString('utf8'),
    securityGroupIds: spec.securityGroupIds,
    shutdownBehavior: spec.shutdownBehavior,
    metadataOptions: spec.metadataOptions,
    instanceProfile: spec.instanceProfile,
    keyName: spec.keyName,
  };
}

export function countStates(instances: Iterable<Instance>): Record<InstanceState, number> {
  const counts = Object.fromEntries(INSTANCE_STATES.map((state) => [state, 0])) as Record<InstanceState, number>;
  for (const instance of instances) counts[instance.state] += 1;
  return counts;
}
