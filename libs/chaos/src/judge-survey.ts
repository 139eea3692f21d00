import { isTerminal } from '@aegis/relays';
import { WARM_POOL } from './chaos-settings.js';
import type { CloudHistory, InstanceEnd, LiveInstance } from './cloud-history.js';
import { type BookEntry, surelyLeasedUntil } from './relay-book.js';
import type { RelayView } from './relay-view.js';

/** What must never be; each is counted in the result. `unfinished` is only wrong when it lasts. */
export const VIOLATIONS = [
  'leaked',
  'double_launched',
  'lost_creates',
  'lost_deletes',
  'wrongly_terminated',
  'surplus_spares',
  'claimed_twice',
] as const;
export type Violation = (typeof VIOLATIONS)[number];

export interface Finding {
  what: Violation | 'unfinished';
  relayId: string;
  instanceId: string | null;
  why: string;
  /** Nothing can put it right any more; anything else is watched until it is right or time is up. */
  final?: true;
  /** What a sane client does about it: the store was wiped and had not kept what it had promised. */
  remedy?: 'create_again' | 'delete_again';
}

/** A FLUSHALL. Times in Unix ms. */
export interface Flush {
  startedAt: number;
  endedAt: number;
  /** Nothing was under way that lived in Redis alone. */
  quiet: boolean;
}

/** How everything stood at one moment after the faults were taken away. */
export interface Survey {
  /** Open entries of the book. */
  entries: readonly BookEntry[];
  /** Every live relay of every tenant and of nobody, and those of the entries whatever their state. */
  relays: ReadonlyMap<string, RelayView>;
  /** Those of nobody: spares, and leftovers of a wiped store that may have been handed out. */
  unowned: ReadonlySet<string>;
  /** Those of them that may be handed out. */
  spares: ReadonlySet<string>;
  instances: readonly LiveInstance[];
  /** Read after relays and instances. */
  history: Pick<CloudHistory, 'launchedFor' | 'launchedTwice' | 'endOf'>;
  flushes: readonly Flush[];
  /** Relays that more than one create was answered with. */
  claimedTwice: readonly string[];
  /** When the faults were gone: what was due by then must get done. */
  settleFrom: number;
  now: number;
}

/** Everything that is not (yet) as it must be. Closes entries of the book that have ended. */
export function judgeSurvey(survey: Survey): Finding[] {
  return [
    ...survey.entries.flatMap((entry) => judgeEntry(entry, survey)),
    ...strangers(survey),
    ...surplusSpares(survey),
    ...survey.claimedTwice.map(
      (relayId): Finding => ({
        what: 'claimed_twice',
        relayId,
        instanceId: null,
        why: 'two creates were answered with it',
        final: true,
      }),
    ),
    ...judgeInstances(survey),
    ...survey.history.launchedTwice().map(
      (relayId): Finding => ({
        what: 'double_launched',
        relayId,
        instanceId: null,
        why: `instances ${survey.history.launchedFor(relayId).join(', ')}`,
        final: true,
      }),
    ),
  ];
}

function judgeEntry(entry: BookEntry, survey: Survey): Finding[] {
  const { relayId } = entry;
  if (relayId === null) return [];
  const relay = survey.relays.get(relayId);
  if (relay === undefined) return judgeAbsent(entry, relayId, survey);
  if (survey.unowned.has(relayId)) return judgeDisowned(entry, relayId, survey);
  const change = changed(entry, relay);
  if (change !== null) return [finding('lost_creates', relay, change)];
  if (isTerminal(relay.state)) return judgeEnd(entry, relay, survey);
  const acknowledged = entry.removal?.acknowledgedSentAt ?? null;
  if (acknowledged !== null && relay.state !== 'terminating') {
    // Without a wipe after it, an acknowledged delete must have left its mark.
    const wiped = survey.flushes.some(({ endedAt }) => endedAt >= acknowledged);
    const lost = finding('lost_deletes', relay, `deleted, but ${relay.state}`);
    return [wiped ? { ...lost, remedy: 'delete_again' } : lost];
  }
  const untagged = survey.instances.some(
    (instance) => instance.relayId === relayId && instance.tenant !== entry.tenant,
  );
  if (untagged) return [finding('unfinished', relay, 'its instance does not carry its tenant')];
  return judgeLive(relay, survey);
}

/** A spare that was handed out, wiped before its instance carried its tenant: nobody can tell whose it was. */
function judgeDisowned(entry: BookEntry, relayId: string, { flushes }: Survey): Finding[] {
  const { instanceId, createSentAt, removal } = entry;
  const flush = flushes.findLast(({ endedAt }) => endedAt >= createSentAt);
  const lost: Finding = { what: 'lost_creates', relayId, instanceId, why: 'handed out, and nobody’s again' };
  if (flush === undefined || flush.quiet) return [lost];
  if (removal !== null) {
    entry.closed = 'deleted before its record was wiped';
    return [];
  }
  return [{ ...lost, remedy: 'create_again' }];
}

function judgeLive(relay: RelayView, { instances, settleFrom }: Survey): Finding[] {
  switch (relay.state) {
    case 'active':
      if (relay.leaseExpiresAt <= settleFrom) return [finding('unfinished', relay, 'its lease has ended')];
      if (!instances.some(({ instanceId, state }) => instanceId === relay.instanceId && state === 'running')) {
        return [finding('unfinished', relay, 'its instance does not run')];
      }
      return [];
    case 'terminating':
      // Leases go on ending while the system settles.
      return relay.reason === 'lease_expired' && relay.leaseExpiresAt > settleFrom
        ? []
        : [finding('unfinished', relay, `terminating (${relay.reason})`)];
    default:
      return [finding('unfinished', relay, relay.state)];
  }
}

/** The api does not know a relay it has acknowledged. */
function judgeAbsent(entry: BookEntry, relayId: string, { flushes, history, instances, now }: Survey): Finding[] {
  const lost = (why: string): Finding => ({ what: 'lost_creates', relayId, instanceId: entry.instanceId, why });
  const flush = flushes.findLast(({ endedAt }) => endedAt >= entry.createSentAt);
  if (flush === undefined) return [lost('unknown to the api, and nothing was wiped since')];
  const live = instances.find((instance) => instance.relayId === relayId);
  if (live !== undefined) return [lost(`not rebuilt: its instance ${live.instanceId} is ${live.state}`)];
  if (history.launchedFor(relayId).length > 0 || entry.removal !== null || surelyLeasedUntil(entry) <= now) {
    entry.closed = 'ended before its record was wiped';
    return [];
  }
  if (flush.quiet) return [lost('unknown to the api after a wipe before which it had settled')];
  return [{ ...lost('acknowledged, wiped before its launch'), remedy: 'create_again' }];
}

function changed(entry: BookEntry, { instanceId, address }: RelayView): string | null {
  if (entry.instanceId !== null && instanceId !== entry.instanceId) {
    return `its instance was ${entry.instanceId} and is ${instanceId}`;
  }
  if (entry.address !== null && address !== null && address !== entry.address) {
    return `its address was ${entry.address} and is ${address}`;
  }
  entry.instanceId = instanceId;
  entry.address = address;
  return null;
}

/** Whether a relay had a reason to end. */
function judgeEnd(entry: BookEntry, relay: RelayView, { history }: Survey): Finding[] {
  const wrong = wrongEnd(entry, relay, history);
  if (wrong !== null) {
    entry.closed = `wrong: ${wrong}`;
    return [{ ...finding('lost_creates', relay, wrong), final: true }];
  }
  entry.closed = `${relay.state}: ${relay.reason}${relay.failure === null ? '' : ` (${relay.failure.code})`}`;
  return [];
}

function wrongEnd(entry: BookEntry, relay: RelayView, history: Survey['history']): string | null {
  const endedAt = relay.endedAt ?? 0;
  switch (relay.reason) {
    case 'requested':
      return entry.removal === null ? 'ended as requested, but nobody has asked' : null;
    case 'lease_expired':
      return surelyLeasedUntil(entry) > endedAt ? 'its lease had not ended' : null;
    case 'instance_lost': {
      const lost = history.launchedFor(relay.id).some((instanceId) => {
        const cause = history.endOf(instanceId)?.cause;
        return cause === 'fault' || cause === 'outside';
      });
      return lost ? null : 'closed as lost, but nothing has happened to its instance';
    }
    case 'no_capacity':
    case 'quota_exceeded':
    case 'launch_rejected':
      return relay.state === 'failed' && relay.failure !== null ? null : 'refused without a word';
    default:
      return `ended by ${relay.reason}, which nothing has caused`;
  }
}

/** Live relays that nobody has been told of: their creates were never answered. Even those must not hang. */
function strangers(survey: Survey): Finding[] {
  const known = new Set(survey.entries.map(({ relayId }) => relayId));
  return [...survey.relays.values()]
    .filter(({ id, state }) => !known.has(id) && !isTerminal(state))
    .flatMap((relay) => judgeLive(relay, survey));
}

/** What was a spare before the store came into doubt is handed to nobody, and not counted. */
function surplusSpares({ relays, unowned, spares: known }: Survey): Finding[] {
  const spares = [...unowned].flatMap((id) => {
    const relay = relays.get(id);
    return relay !== undefined && known.has(id) && relay.state !== 'terminating' ? [relay] : [];
  });
  if (spares.length <= WARM_POOL.size) return [];
  return spares.slice(WARM_POOL.size).map((relay) => ({
    ...finding('surplus_spares', relay, `spare ${spares.length} of ${WARM_POOL.size}`),
    final: true,
  }));
}

function judgeInstances({ instances, relays, entries }: Survey): Finding[] {
  const removed = new Set(
    entries.filter(({ removal }) => removal?.acknowledgedSentAt != null).map(({ relayId }) => relayId),
  );
  return instances.flatMap(({ instanceId, relayId, state }): Finding[] => {
    const owner = relayId === null ? undefined : relays.get(relayId);
    if (owner !== undefined && !isTerminal(owner.state) && owner.instanceId === instanceId) return [];
    const why = owner === undefined ? 'no relay' : `${owner.state} relay with instance ${owner.instanceId}`;
    const what = relayId !== null && removed.has(relayId) ? 'lost_deletes' : 'leaked';
    return [{ what, relayId: relayId ?? 'none', instanceId, why: `${state} instance of ${why}` }];
  });
}

function finding(what: Finding['what'], { id, instanceId }: RelayView, why: string): Finding {
  return { what, relayId: id, instanceId, why };
}

/** What is known of the relay of an instance that ended. */
export interface EndedInstance {
  end: InstanceEnd;
  entry: BookEntry | undefined;
  /** As the api tells it now; undefined when it does not know it. */
  relay: RelayView | undefined;
  /** For relays nobody was told of (Unix ms): the least lease they may have been asked for with. */
  leasedAtLeastUntil: number;
}

/** An instance ended by the control plane or by its own agent, though nobody had asked and its lease had not ended. */
export function judgeInstanceEnd({ end, entry, relay, leasedAtLeastUntil }: EndedInstance): Finding[] {
  if (end.cause === 'outside' || end.cause === 'fault') return [];
  if (entry?.removal && entry.removal.sentAt <= end.at) return [];
  if ((entry === undefined ? leasedAtLeastUntil : surelyLeasedUntil(entry)) <= end.at) return [];
  // An instance that its relay never came to own: whether there may be two is judged elsewhere.
  if (relay !== undefined && relay.instanceId !== end.instanceId) return [];
  const state = relay === undefined ? 'unknown to the api' : `${relay.state} (${relay.reason})`;
  return [
    {
      what: 'wrongly_terminated',
      relayId: end.relayId,
      instanceId: end.instanceId,
      why: `ended by ${end.cause} (${end.reason}); its relay is ${state}`,
      final: true,
    },
  ];
}
