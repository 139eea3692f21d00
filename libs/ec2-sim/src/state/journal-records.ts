import { readAgentConfig } from '../agent/agent-config.js';
import type { LedgerRecord } from './ledger.js';
import type { Instance, Launch, LaunchSpec } from './model.js';

type StoredTags = [string, string][];

type StoredInstance = Omit<Instance, 'launch' | 'tags'> & {
  /** Null: those of its launch. */
  tags: StoredTags | null;
};

type StoredLaunch = Omit<Launch, 'spec' | 'instances' | 'agentConfig'> & {
  spec: Omit<LaunchSpec, 'tags'> & { tags: StoredTags };
  runsAgent: boolean;
  instances: StoredInstance[];
};

/** One line of the state file. A later line about the same thing replaces the earlier one. */
export type JournalRecord =
  | { kind: 'launch'; launch: StoredLaunch }
  | { kind: 'instance'; instance: StoredInstance }
  | { kind: 'ledger'; record: Omit<LedgerRecord, 'tags'> & { tags: StoredTags } };

export function storeLaunch(launch: Launch): JournalRecord {
  const { spec, instances, agentConfig, ...rest } = launch;
  return {
    kind: 'launch',
    launch: {
      ...rest,
      spec: { ...spec, tags: [...spec.tags] },
      runsAgent: agentConfig !== null,
      instances: instances.map(storedInstance),
    },
  };
}

export function storeInstance(instance: Instance): JournalRecord {
  return { kind: 'instance', instance: storedInstance(instance) };
}

export function storeLedgerRecord(record: LedgerRecord): JournalRecord {
  return { kind: 'ledger', record: { ...record, tags: [...record.tags] } };
}

function storedInstance(instance: Instance): StoredInstance {
  const { launch, tags, ...rest } = instance;
  return { ...rest, tags: tags === launch.spec.tags ? null : [...tags] };
}

export interface RestoredState {
  launches: Launch[];
  ledger: LedgerRecord[];
}

/** Reads the lines of a state file back; a last line torn by a crash is left out. */
export function restoreJournal(lines: Iterable<string>): RestoredState {
  const launches = new Map<string, Launch>();
  const instances = new Map<string, Instance>();
  const ledger: LedgerRecord[] = [];
  for (const line of lines) {
    const entry = parseLine(line);
    if (entry?.kind === 'launch') {
      const launch = restoreLaunch(entry.launch);
      launches.set(launch.reservationId, launch);
      for (const instance of launch.instances) instances.set(instance.id, instance);
    } else if (entry?.kind === 'instance') {
      const known = instances.get(entry.instance.id);
      if (known !== undefined) Object.assign(known, restoreInstance(entry.instance, known.launch));
    } else if (entry?.kind === 'ledger') {
      ledger.push({ ...entry.record, tags: new Map(entry.record.tags) });
    }
  }
  return { launches: [...launches.values()], ledger };
}

function parseLine(line: string): JournalRecord | undefined {
  try {
    return JSON.parse(line) as JournalRecord;
  } catch {
    return undefined;
  }
}

function restoreLaunch(stored: StoredLaunch): Launch {
  const { spec, instances, runsAgent, ...rest } = stored;
  const launch: Launch = {
    ...rest,
    spec: { ...spec, tags: new Map(spec.tags) },
    agentConfig: runsAgent ? readAgentConfig(spec.userData) : null,
    instances: [],
  };
  for (const instance of instances) launch.instances.push(restoreInstance(instance, launch));
  return launch;
}

function restoreInstance(stored: StoredInstance, launch: Launch): Instance {
  return { ...stored, launch, tags: stored.tags === null ? launch.spec.tags : new Map(stored.tags) };
}
