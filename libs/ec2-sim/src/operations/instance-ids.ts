import { Ec2Error } from '../protocol/ec2-error.js';
import type { Instance } from '../state/model.js';
import type { Region } from '../state/region.js';

const INSTANCE_ID = /^i-(?:[0-9a-f]{8}|[0-9a-f]{17})$/;

export function notFound(ids: readonly string[]): Ec2Error {
  const message =
    ids.length === 1
      ? `The instance ID '${ids[0]}' does not exist`
      : `The instance IDs '${ids.join(', ')}' do not exist`;
  return new Ec2Error('InvalidInstanceID.NotFound', message);
}

/** The instances the ids name, each once; one that is unknown or not yet visible fails the whole call. */
export function instancesById(region: Region, ids: readonly string[], now: number): Instance[] {
  const found: Instance[] = [];
  const unknown: string[] = [];
  for (const id of new Set(ids)) {
    if (!INSTANCE_ID.test(id)) throw new Ec2Error('InvalidInstanceID.Malformed', `Invalid id: "${id}"`);
    const instance = region.instances.get(id);
    if (instance === undefined || instance.visibleAt > now) unknown.push(id);
    else found.push(instance);
  }
  if (unknown.length > 0) throw notFound(unknown);
  return found;
}
