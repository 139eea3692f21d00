import { setTimeout as delay } from 'node:timers/promises';
import { createdAtOf, parseRelayId } from '@aegis/relays';
import type { InstanceEnd } from './cloud-history.js';
import type { FailoverClient } from './failover-client.js';
import { type Finding, type Flush, judgeInstanceEnd, judgeSurvey } from './judge-survey.js';
import { type BookEntry, leasedAtLeastUntil } from './relay-book.js';
import { type SurveyTools, type TakenSurvey, takeSurvey } from './take-survey.js';
import { removeRelay, type TrafficCounts } from './traffic.js';

export interface SettleOptions extends SurveyTools {
  flushes: readonly Flush[];
  counts: TrafficCounts & { reissued: number };
  timeoutMs: number;
  /** Found and counted before: no longer waited for. */
  isKnown(finding: Finding): boolean;
  signal: AbortSignal;
}

export interface Settled {
  /** From the end of the faults until everything was as it must be; null when that took too long. */
  afterMs: number | null;
  findings: Finding[];
  /** What was waited for last; null when nothing was. */
  waitedFor: string | null;
}

const POLL_MS = 100;
/** Share of the time that surveys may take: they load what they watch. */
const SURVEY_SHARE = 0.25;
/** A launch that was under way when the store was wiped may still show itself. */
const GIVEN_UP_AFTER_MS = 6_000;

/** Watches until nothing is left to be done, and says what is wrong then. Acts as a sane client would meanwhile. */
export async function settle(options: SettleOptions): Promise<Settled> {
  const { clients, timeoutMs, isKnown, signal } = options;
  const settleFrom = Date.now();
  const startedAt = performance.now();
  const final: Finding[] = [];
  let open: Finding[] = [noAnswer()];
  let waitedFor: string | null = null;
  while (performance.now() - startedAt < timeoutMs) {
    signal.throwIfAborted();
    const surveyAt = performance.now();
    const survey = await takeSurvey(options);
    if (survey !== null) {
      const { book, history, flushes } = options;
      const judged = judgeSurvey({
        ...survey,
        entries: book.open(),
        claimedTwice: book.claimedTwice,
        history,
        flushes,
        settleFrom,
        now: Date.now(),
      });
      const ends = await Promise.all(survey.ends.map((end) => judgeEnd(end, survey, options)));
      final.push(...judged.filter((finding) => finding.final), ...ends.flat());
      open = judged.filter((finding) => !finding.final && !isKnown(finding));
      if (open.length === 0) return { afterMs: performance.now() - startedAt, findings: final, waitedFor };
      await Promise.all(open.map((finding) => remedy(finding, options)));
    } else open = [noAnswer()];
    waitedFor = open.at(-1)?.why ?? null;
    await delay(Math.max(POLL_MS, (performance.now() - surveyAt) * (1 / SURVEY_SHARE - 1)));
  }
  return { afterMs: null, findings: [...final, ...open], waitedFor };

  async function remedy(finding: Finding, { book, flushes, counts }: SettleOptions): Promise<void> {
    const entry = book.ofRelay(finding.relayId);
    const client = entry && clients.get(entry.tenant);
    if (entry === undefined || client === undefined) return;
    if (finding.remedy === 'delete_again') {
      counts.reissued += 1;
      await removeRelay(entry, finding.relayId, client, counts);
    } else if (finding.remedy === 'create_again') {
      const wipedAt = flushes.at(-1)?.endedAt ?? 0;
      if (Date.now() - wipedAt >= GIVEN_UP_AFTER_MS) await createAgain(entry, client, options);
    }
  }
}

/** The same request under the same key: without the wipe it would have answered the first relay. */
async function createAgain(entry: BookEntry, client: FailoverClient, { book, counts }: SettleOptions): Promise<void> {
  const { key, region, leaseSeconds } = entry;
  if (key === null) {
    entry.closed = 'wiped; nobody was told of it';
    return;
  }
  const answer = await client.create({ idempotencyKey: key, region, leaseSeconds });
  if (answer === null) return;
  counts.reissued += 1;
  book.acknowledge(entry, answer.relay, answer.sentAt);
}

async function judgeEnd(end: InstanceEnd, survey: TakenSurvey, { book, clients }: SettleOptions): Promise<Finding[]> {
  const suffix = parseRelayId(end.relayId)?.suffix ?? '';
  const entry = book.ofRelay(end.relayId);
  const known = {
    end,
    entry,
    relay: survey.relays.get(end.relayId),
    leasedAtLeastUntil: leasedAtLeastUntil(createdAtOf(suffix)),
  };
  const findings = judgeInstanceEnd(known);
  if (findings.length === 0 || known.relay !== undefined) return findings;
  // Ended since and not asked for: whose relay it was, any of the tenants may know.
  for (const client of clients.values()) {
    const relay = await client.get(end.relayId);
    if (relay !== null && relay !== 'gone') return judgeInstanceEnd({ ...known, relay });
  }
  return findings;
}

function noAnswer(): Finding {
  return { what: 'unfinished', relayId: 'none', instanceId: null, why: 'the api does not answer' };
}
