import { readLaunchTags, TAG_KEYS } from '@aegis/ec2';
import type { LedgerEntry, SimControl, SimInstance } from '@aegis/ec2-sim';
import { relayIdOf } from '@aegis/relays';
import { DEPLOYMENT } from './chaos-settings.js';

/** The end of an instance: its first step out of service. */
export interface InstanceEnd {
  instanceId: string;
  relayId: string;
  at: number;
  cause: LedgerEntry['cause'];
  reason: string | null;
}

export interface LiveInstance {
  instanceId: string;
  /** The relay its launch tags name; null when they name none. */
  relayId: string | null;
  /** As its tags tell a store that lost everything: empty for a spare; null when they tell no relay. */
  tenant: string | null;
  state: SimInstance['state'];
}

/** What really happened in the cloud, read from the simulator's ledger; grows with each `read`. */
export interface CloudHistory {
  /** Reads what the ledger has gained; answers the ends among it. */
  read(): Promise<InstanceEnd[]>;
  /** Every instance ever launched for a relay. */
  launchedFor(relayId: string): readonly string[];
  /** Relays that more than one instance was ever launched for. */
  launchedTwice(): string[];
  endOf(instanceId: string): InstanceEnd | undefined;
}

const PAGE = 5_000;

type Tagged = Pick<SimInstance, 'tags' | 'launchIndex' | 'region'>;

/** The relay an instance was launched for, by the tags and the place its launch gave it. */
function relayOfInstance({ tags, launchIndex, region }: Tagged): string | null {
  const suffix = readLaunchTags(tags)?.relayIds[launchIndex];
  return suffix === undefined ? null : relayIdOf(region, suffix);
}

/** A spare that was handed out carries its tenant in a tag of its own. */
function tenantOfInstance({ tags, launchIndex }: Tagged): string | null {
  return tags[TAG_KEYS.tenant] ?? readLaunchTags(tags)?.tenants[launchIndex] ?? null;
}

/** The deployment's instances that still bill. */
export async function liveInstances(sim: SimControl): Promise<LiveInstance[]> {
  const states = ['pending', 'running', 'stopping', 'stopped'] as const;
  const found = await Promise.all(states.map((state) => sim.instances({ state })));
  return found
    .flat()
    .filter(({ tags }) => tags['aegis:deployment'] === DEPLOYMENT)
    .map((instance) => ({
      instanceId: instance.id,
      relayId: relayOfInstance(instance),
      tenant: tenantOfInstance(instance),
      state: instance.state,
    }));
}

export function createCloudHistory(sim: SimControl): CloudHistory {
  const launched = new Map<string, string[]>();
  const twice = new Set<string>();
  const ends = new Map<string, InstanceEnd>();
  let after = 0;

  function note(record: LedgerEntry): InstanceEnd[] {
    const { instanceId, event, at, cause, reason } = record;
    const relayId = relayOfInstance(record) ?? '';
    if (event === 'launched') {
      const instances = [...(launched.get(relayId) ?? []), instanceId];
      launched.set(relayId, instances);
      if (instances.length > 1) twice.add(relayId);
    }
    const ended = event === 'shutting-down' || event === 'terminated' || event === 'stopping' || event === 'stopped';
    if (!ended || ends.has(instanceId)) return [];
    const end = { instanceId, relayId, at, cause, reason };
    ends.set(instanceId, end);
    return [end];
  }

  return {
    async read() {
      const found: InstanceEnd[] = [];
      for (;;) {
        const { records, lastSeq } = await sim.ledger({ after, limit: PAGE });
        found.push(...records.flatMap(note));
        after = records.at(-1)?.seq ?? after;
        if (records.length === 0 || after >= lastSeq) return found;
      }
    },
    launchedFor: (relayId) => launched.get(relayId) ?? [],
    launchedTwice: () => [...twice],
    endOf: (instanceId) => ends.get(instanceId),
  };
}
