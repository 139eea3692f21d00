import type { Cloud } from '../state/cloud.js';
import { type Instance, privateAddressOf, STATE_CODES } from '../state/model.js';
import type { Region } from '../state/region.js';
import type { Filter } from './filters.js';
import { shownPublicAddress } from './instance-xml.js';

type Reader = (instance: Instance, cloud: Cloud) => string | null;

const READERS: Readonly<Record<string, Reader>> = {
  'availability-zone': ({ launch }) => launch.spec.subnet.availabilityZone,
  'client-token': ({ launch }) => launch.clientToken,
  'image-id': ({ launch }) => launch.spec.imageId,
  'instance-id': ({ id }) => id,
  'instance-lifecycle': ({ launch }) => (launch.spec.market === 'spot' ? 'spot' : null),
  'instance-state-code': ({ state }) => String(STATE_CODES[state]),
  'instance-state-name': ({ state }) => state,
  'instance-type': ({ launch }) => launch.spec.instanceType,
  'ip-address': (instance, cloud) => shownPublicAddress(instance, cloud.now(), cloud.settings),
  'key-name': ({ launch }) => launch.spec.keyName,
  'launch-index': ({ launchIndex }) => String(launchIndex),
  'private-ip-address': (instance) => (instance.state === 'terminated' ? null : privateAddressOf(instance)),
  'reservation-id': ({ launch }) => launch.reservationId,
  'subnet-id': (instance) => (instance.state === 'terminated' ? null : instance.launch.spec.subnet.id),
  'vpc-id': (instance) => (instance.state === 'terminated' ? null : instance.launch.spec.subnet.vpcId),
};

export function isInstanceFilter(name: string): boolean {
  return name === 'tag-key' || (name.startsWith('tag:') && name.length > 4) || Object.hasOwn(READERS, name);
}

export function instanceMatches(instance: Instance, filters: readonly Filter[], cloud: Cloud): boolean {
  return filters.every((filter) => holds(instance, filter, cloud));
}

function holds(instance: Instance, filter: Filter, cloud: Cloud): boolean {
  if (filter.name.startsWith('tag:')) {
    const value = instance.tags.get(filter.name.slice(4));
    return value !== undefined && filter.matches(value);
  }
  if (filter.name === 'tag-key') {
    for (const key of instance.tags.keys()) if (filter.matches(key)) return true;
    return false;
  }
  const value = READERS[filter.name]?.(instance, cloud) ?? null;
  return value !== null && filter.matches(value);
}

export interface Candidates {
  size: number;
  values(): Iterable<Instance>;
}

/** The smallest set an index knows to hold every match; none when no filter has an index. */
export function candidatesFor(region: Region, filters: readonly Filter[]): Candidates | undefined {
  let best: Candidates | undefined;
  for (const filter of filters) {
    const found = filter.exact === undefined ? undefined : lookUp(region, filter.name, filter.exact);
    if (found !== undefined && (best === undefined || found.size < best.size)) best = found;
  }
  return best;
}

function lookUp(region: Region, name: string, values: readonly string[]): Candidates | undefined {
  if (name.startsWith('tag:')) return union(values.map((value) => region.instances.tagged(name.slice(4), value)));
  // Several keys may lie on one instance, so only a single key gives each instance once.
  if (name === 'tag-key' && values.length === 1) return region.instances.tagged(values[0] ?? '');
  if (name === 'instance-id') return fixed(values.flatMap((id) => region.instances.get(id) ?? []));
  if (name === 'client-token')
    return fixed(values.flatMap((token) => region.launchesByToken.get(token)?.instances ?? []));
  return undefined;
}

function fixed(instances: readonly Instance[]): Candidates {
  return { size: instances.length, values: () => instances };
}

function union(parts: readonly Candidates[]): Candidates {
  return {
    size: parts.reduce((sum, part) => sum + part.size, 0),
    *values() {
      for (const part of parts) yield* part.values();
    },
  };
}
