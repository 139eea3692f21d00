import type { InstanceState, InstanceView } from './cloud-provider.js';
import { isPackedTag, type LaunchIdentity, readLaunchTags, TAG_KEYS } from './launch-tags.js';

/** What EC2 says of an instance, in EC2's own words; empty texts count as missing. */
export interface InstanceFacts {
  instanceId: string;
  state: string | undefined;
  stateReason: string | undefined;
  address: string | undefined;
  launchIndex: number;
  /** Unix milliseconds. */
  launchTime: number;
  lifecycle: string | undefined;
  instanceType: string | undefined;
}

/** What an instance's tags say. Instances with the same tags may share one. */
export interface DecodedTags {
  /** Without the packed lists of relays and tenants. */
  plain: Record<string, string>;
  identity: LaunchIdentity | null;
}

/**
 * Turns instances into views. All instances of a batch carry the same long tags, which are decoded once: use one viewer
 * for one page, so that nothing is held longer.
 */
export class InstanceViewer {
  readonly #decoded = new Map<string, { tags: Record<string, string>; identity: LaunchIdentity | null }>();

  view(facts: InstanceFacts, { plain, identity }: DecodedTags): InstanceView {
    const { launchIndex } = facts;
    const shortId = identity?.relayIds[launchIndex];
    return {
      instanceId: facts.instanceId,
      state: toInstanceState(facts.state),
      stateReason: facts.stateReason || null,
      // EC2 sends an empty element once an instance has lost its address.
      address: facts.address || null,
      launchIndex,
      launchTime: facts.launchTime,
      lifecycle: facts.lifecycle === 'spot' ? 'spot' : 'on_demand',
      instanceType: facts.instanceType || null,
      intentId: plain[TAG_KEYS.intent] ?? null,
      relay:
        shortId === undefined
          ? null
          : { shortId, tenant: plain[TAG_KEYS.tenant] ?? identity?.tenants[launchIndex] ?? '' },
      tags: plain,
    };
  }

  decode(tags: Record<string, string>): DecodedTags {
    return {
      plain: Object.fromEntries(Object.entries(tags).filter(([key]) => !isPackedTag(key))),
      identity: this.#identity(tags),
    };
  }

  #identity(tags: Record<string, string>): LaunchIdentity | null {
    const intentId = tags[TAG_KEYS.intent];
    if (intentId === undefined) return null;
    const known = this.#decoded.get(intentId);
    // Somebody may have edited one instance's tags, so the same intent alone proves nothing.
    if (known !== undefined && samePackedTags(known.tags, tags)) return known.identity;
    const identity = readLaunchTags(tags);
    if (known === undefined) this.#decoded.set(intentId, { tags, identity });
    return identity;
  }
}

const STATES: ReadonlySet<string> = new Set<InstanceState>([
  'pending',
  'running',
  'shutting-down',
  'terminated',
  'stopping',
  'stopped',
]);

/** A state EC2 might add one day counts as `pending`: present, and not to be relied on. */
export function toInstanceState(name: string | undefined): InstanceState {
  return name !== undefined && STATES.has(name) ? (name as InstanceState) : 'pending';
}

function samePackedTags(known: Record<string, string>, tags: Record<string, string>): boolean {
  const keys = Object.keys(tags).filter(isPackedTag);
  return (
    keys.every((key) => known[key] === tags[key]) &&
    known[TAG_KEYS.deployment] === tags[TAG_KEYS.deployment] &&
    keys.length === Object.keys(known).filter(isPackedTag).length
  );
}
