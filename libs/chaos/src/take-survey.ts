import type { SimControl } from '@aegis/ec2-sim';
import { isTerminal, RELAY_STATES } from '@aegis/relays';
import { type CloudHistory, type InstanceEnd, liveInstances } from './cloud-history.js';
import type { FailoverClient } from './failover-client.js';
import type { Survey } from './judge-survey.js';
import type { RelayBook } from './relay-book.js';
import type { RelayView } from './relay-view.js';
import type { SpareWatch } from './spare-watch.js';

export interface SurveyTools {
  sim: SimControl;
  clients: ReadonlyMap<string, FailoverClient>;
  book: RelayBook;
  history: CloudHistory;
  spares: SpareWatch;
}

export interface TakenSurvey {
  instances: Survey['instances'];
  relays: ReadonlyMap<string, RelayView>;
  unowned: ReadonlySet<string>;
  spares: ReadonlySet<string>;
  /** New ends in the ledger. */
  ends: InstanceEnd[];
}

const LIVE_STATES = RELAY_STATES.filter((state) => !isTerminal(state));

/**
 * Asks the api and the simulator how everything stands; null when the api or Redis does not answer. Instances first, history
 * last: whatever the relays say was done to an instance is then in the history.
 */
export async function takeSurvey({ sim, clients, book, history, spares }: SurveyTools): Promise<TakenSurvey | null> {
  const instances = await liveInstances(sim);
  const relays = new Map<string, RelayView>();
  for (const [tenant, client] of clients) {
    const live = await client.list(LIVE_STATES);
    if (live === null) return null;
    for (const relay of live) {
      relays.set(relay.id, relay);
      const entry = book.ofRelay(relay.id);
      if (entry === undefined || entry.relayId !== relay.id || entry.closed !== null) book.adopt(tenant, relay);
    }
  }
  const nobodys = await spares.look();
  if (nobodys === null) return null;
  for (const relay of nobodys.relays) relays.set(relay.id, relay);
  const unlisted = book.open().filter(({ relayId }) => relayId !== null && !relays.has(relayId));
  const asked = await Promise.all(
    unlisted.map(({ tenant, relayId }) => clients.get(tenant)?.get(relayId ?? '') ?? null),
  );
  for (const answer of asked) {
    if (answer === null) return null;
    if (answer !== 'gone') relays.set(answer.id, answer);
  }
  const unowned = new Set(nobodys.relays.map(({ id }) => id));
  return { instances, relays, unowned, spares: nobodys.spares, ends: await history.read() };
}
