import type { XmlObject } from '../protocol/xml.js';
import {
  type Instance,
  type Launch,
  privateAddressOf,
  publicAddressOf,
  STATE_CODES,
  type Tags,
} from '../state/model.js';
import type { Settings } from '../state/settings.js';

const OWNER_ID = '123456789012';

export function tagSetXml(tags: Tags): XmlObject[] {
  return [...tags].map(([key, value]) => ({ key, value }));
}

export function stateXml(state: Instance['state']): XmlObject {
  return { code: STATE_CODES[state], name: state };
}

/** A reservation with those of its instances that belong to the answer. */
export function reservationXml(launch: Launch, instancesSet: Iterable<XmlObject>): XmlObject {
  return { reservationId: launch.reservationId, ownerId: OWNER_ID, groupSet: [], instancesSet };
}

/** The public address as EC2 shows it: not while `pending`, not for a while after, not once terminated. */
export function shownPublicAddress(
  instance: Instance,
  now: number,
  settings: Pick<Settings, 'addressMs'>,
): string | null {
  if (instance.state !== 'running' && instance.state !== 'shutting-down') return null;
  if (instance.runningAt === null || now < instance.runningAt + settings.addressMs) return null;
  return publicAddressOf(instance);
}

export function instanceXml(instance: Instance, now: number, settings: Pick<Settings, 'addressMs'>): XmlObject {
  const { launch } = instance;
  const { spec } = launch;
  return {
    instanceId: instance.id,
    imageId: spec.imageId,
    instanceState: stateXml(instance.state),
    ...networkXml(instance, shownPublicAddress(instance, now, settings)),
    reason: reasonText(instance),
    stateReason: instance.stateReason === null ? undefined : { ...instance.stateReason },
    keyName: spec.keyName,
    amiLaunchIndex: instance.launchIndex,
    productCodes: [],
    instanceType: spec.instanceType,
    launchTime: new Date(launch.launchedAt).toISOString(),
    placement: { availabilityZone: spec.subnet.availabilityZone, groupName: '', tenancy: spec.tenancy },
    monitoring: { state: spec.monitoring ? 'enabled' : 'disabled' },
    architecture: 'x86_64',
    rootDeviceType: 'ebs',
    rootDeviceName: '/dev/xvda',
    blockDeviceMapping: [],
    virtualizationType: 'hvm',
    instanceLifecycle: spec.market === 'spot' ? 'spot' : undefined,
    clientToken: launch.clientToken ?? '',
    tagSet: tagSetXml(instance.tags),
    hypervisor: 'xen',
    iamInstanceProfile: profileXml(spec.instanceProfile),
    ebsOptimized: spec.ebsOptimized,
    enaSupport: true,
    metadataOptions: { state: instance.state === 'pending' ? 'pending' : 'applied', ...spec.metadataOptions },
  };
}

/** A terminated instance has given its interfaces back. */
function networkXml(instance: Instance, publicAddress: string | null): XmlObject {
  if (instance.state === 'terminated')
    return { privateDnsName: '', dnsName: '', groupSet: [], networkInterfaceSet: [] };
  const { subnet, securityGroupIds } = instance.launch.spec;
  const privateIpAddress = privateAddressOf(instance);
  const privateDnsName = `ip-${privateIpAddress.replaceAll('.', '-')}.ec2.internal`;
  const groupSet = securityGroupIds.map((groupId) => ({ groupId, groupName: groupId }));
  const dnsName = publicAddress === null ? '' : `ec2-${publicAddress.replaceAll('.', '-')}.compute.amazonaws.com`;
  return {
    privateDnsName,
    dnsName,
    subnetId: subnet.id,
    vpcId: subnet.vpcId,
    privateIpAddress,
    ipAddress: publicAddress,
    sourceDestCheck: true,
    groupSet,
    networkInterfaceSet: [
      {
        networkInterfaceId: `eni-${instance.id.slice(2)}`,
        subnetId: subnet.id,
        vpcId: subnet.vpcId,
        ownerId: OWNER_ID,
        status: 'in-use',
        privateIpAddress,
        privateDnsName,
        sourceDestCheck: true,
        groupSet,
        attachment: { deviceIndex: 0, status: 'attached', deleteOnTermination: true },
        association:
          publicAddress === null ? undefined : { publicIp: publicAddress, publicDnsName: dnsName, ipOwnerId: 'amazon' },
      },
    ],
  };
}

function reasonText(instance: Instance): string {
  const { stateReason } = instance;
  if (stateReason === null) return '';
  return stateReason.code === 'Client.UserInitiatedShutdown' ? 'User initiated' : stateReason.message;
}

function profileXml(arn: string | null): XmlObject | undefined {
  if (arn === null) return undefined;
  return { arn, id: 'AIPAEXAMPLEPROFILE0000' };
}
