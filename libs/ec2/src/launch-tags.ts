import { decodeTenants, encodeTenants } from './tenant-runs.js';

/** EC2's limits on the tags of one resource. */
const MAX_TAGS = 50;
const MAX_VALUE = 256;
/** Left free for the sweep's mark, an operator's protection and what an account's own tooling adds. */
const SPARE_TAGS = 4;

export const TAG_KEYS = {
  deployment: 'aegis:deployment',
  intent: 'aegis:intent',
  name: 'Name',
  /** The tenant a warm relay was handed to after its launch; it stands before what the launch's own tags say. */
  tenant: 'aegis:tenant',
  /** Set by an operator: no sweep touches this instance. */
  protected: 'aegis:protected',
} as const;
const RELAYS_PREFIX = 'aegis:relays:';
const TENANTS_PREFIX = 'aegis:tenants:';
const FIXED_TAGS = 3;

const SHORT_ID = /^[0-9a-z]{16}$/;
const SHORT_IDS_PER_TAG = 15;

/** Most relays one RunInstances may carry: their ids fill 34 tags and leave 9 for their tenants. */
export const MAX_BATCH = 500;

/** One place of a batch. `tenant` is empty for a warm relay, which nobody owns yet. */
export interface RelaySlot {
  /** A full relay id; the tags carry its last part. */
  id: string;
  tenant: string;
}

export interface Tag {
  key: string;
  value: string;
}

/** What the tags of a launch say; place i is the instance whose `amiLaunchIndex` is i. */
export interface LaunchIdentity {
  deploymentId: string;
  intentId: string;
  /** The last parts of the relay ids: the region is the instance's. */
  relayIds: string[];
  tenants: string[];
}

/** The tags that make a launch its own ledger entry; the same for every instance of the batch. */
export function buildLaunchTags(launch: {
  deploymentId: string;
  intentId: string;
  relays: readonly RelaySlot[];
}): Tag[] {
  const { deploymentId, intentId, relays } = launch;
  if (relays.length === 0) throw new RangeError('A launch needs at least one relay');
  if (!fits(relays)) throw new RangeError(`${relays.length} relays do not fit one launch; see fitBatch`);
  for (const value of [deploymentId, intentId]) {
    if (value === '' || value.length > MAX_VALUE) throw new RangeError(`Not a tag value: ${value}`);
  }
  return [
    { key: TAG_KEYS.deployment, value: deploymentId },
    { key: TAG_KEYS.intent, value: intentId },
    { key: TAG_KEYS.name, value: 'aegis-relay' },
    ...numbered(RELAYS_PREFIX, packShortIds(relays)),
    ...numbered(TENANTS_PREFIX, chunks(encodeTenants(relays.map((relay) => relay.tenant)))),
  ];
}

/** How many of these relays, from the first on, one launch can carry. */
export function fitBatch(relays: readonly RelaySlot[]): number {
  let low = 0;
  let high = Math.min(relays.length, MAX_BATCH);
  // A longer prefix never needs fewer tags, so the longest that fits can be searched for.
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (fits(relays.slice(0, middle))) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** The inverse of `buildLaunchTags`; null when the tags are not of its making or have been damaged since. */
export function readLaunchTags(tags: Readonly<Record<string, string>>): LaunchIdentity | null {
  const deploymentId = tags[TAG_KEYS.deployment];
  const intentId = tags[TAG_KEYS.intent];
  const packed = series(tags, RELAYS_PREFIX);
  if (!deploymentId || !intentId || packed.length === 0) return null;
  const relayIds = packed.flatMap((value) => value.split('.'));
  if (relayIds.length > MAX_BATCH || !relayIds.every((id) => SHORT_ID.test(id))) return null;
  const tenants = decodeTenants(series(tags, TENANTS_PREFIX).join(''), MAX_BATCH);
  if (tenants?.length !== relayIds.length) return null;
  return { deploymentId, intentId, relayIds, tenants };
}

/** Whether this tag is one of the long ones that only `readLaunchTags` reads. */
export function isPackedTag(key: string): boolean {
  return key.startsWith(RELAYS_PREFIX) || key.startsWith(TENANTS_PREFIX);
}

function fits(relays: readonly RelaySlot[]): boolean {
  if (relays.length > MAX_BATCH) return false;
  const idTags = Math.ceil(relays.length / SHORT_IDS_PER_TAG);
  const tenantTags = chunks(encodeTenants(relays.map((relay) => relay.tenant))).length;
  return FIXED_TAGS + idTags + tenantTags <= MAX_TAGS - SPARE_TAGS;
}

function packShortIds(relays: readonly RelaySlot[]): string[] {
  const ids = relays.map((relay) => {
    const short = relay.id.slice(relay.id.lastIndexOf('_') + 1);
    if (!SHORT_ID.test(short)) throw new RangeError(`Not a relay id: ${relay.id}`);
    return short;
  });
  const values: string[] = [];
  for (let i = 0; i < ids.length; i += SHORT_IDS_PER_TAG) values.push(ids.slice(i, i + SHORT_IDS_PER_TAG).join('.'));
  return values;
}

function chunks(text: string): string[] {
  const values: string[] = [];
  for (let i = 0; i < text.length; i += MAX_VALUE) values.push(text.slice(i, i + MAX_VALUE));
  return values;
}

function numbered(prefix: string, values: readonly string[]): Tag[] {
  return values.map((value, i) => ({ key: `${prefix}${String(i).padStart(2, '0')}`, value }));
}

/** Values of `prefix00`, `prefix01`… up to the first that is missing. */
function series(tags: Readonly<Record<string, string>>, prefix: string): string[] {
  const values: string[] = [];
  for (let i = 0; i < MAX_TAGS; i += 1) {
    const value = tags[`${prefix}${String(i).padStart(2, '0')}`];
    if (value === undefined) break;
    values.push(value);
  }
  return values;
}
