import type * as z from 'zod';
import type { Cloud } from '../state/cloud.js';
import type { LaunchSpec } from '../state/model.js';
import type { Region } from '../state/region.js';
import { ControlError } from './control-error.js';
import type { seedSchema } from './control-schema.js';
import type { SeedResult } from './control-types.js';

type SeedOrder = z.infer<typeof seedSchema>;

/** Puts running instances without agents into a region, past the API and its limits: stand-ins at scale, or orphans. */
export function seed(cloud: Cloud, order: SeedOrder): SeedResult {
  const region = cloud.region(order.region);
  if (region === undefined) throw new ControlError(400, `unknown region ${order.region}`);
  return {
    launches: order.launches.map((wanted) => {
      const launch = cloud.launch({
        region,
        spec: seedSpec(region, wanted),
        count: wanted.count,
        clientToken: wanted.clientToken ?? null,
        fingerprint: null,
        cause: 'outside',
        seeded: true,
      });
      return { reservationId: launch.reservationId, instanceIds: launch.instances.map((instance) => instance.id) };
    }),
  };
}

function seedSpec(region: Region, wanted: SeedOrder['launches'][number]): LaunchSpec {
  const { catalogue } = region;
  const subnet = wanted.subnetId === undefined ? catalogue.subnets[0] : catalogue.subnet(wanted.subnetId);
  if (subnet === undefined) throw new ControlError(400, `no subnet ${wanted.subnetId ?? ''} in ${region.name}`);
  return {
    imageId: catalogue.imageIds.values().next().value ?? '',
    instanceType: wanted.instanceType,
    subnet,
    securityGroupIds: [...catalogue.securityGroupIds].slice(0, 1),
    publicAddress: true,
    market: wanted.market,
    shutdownBehavior: 'terminate',
    terminationProtection: false,
    metadataOptions: {
      httpTokens: 'required',
      httpEndpoint: 'enabled',
      httpPutResponseHopLimit: 1,
      instanceMetadataTags: 'disabled',
    },
    userData: null,
    instanceProfile: null,
    keyName: null,
    tenancy: 'default',
    monitoring: false,
    ebsOptimized: false,
    tags: new Map(Object.entries(wanted.tags)),
  };
}
