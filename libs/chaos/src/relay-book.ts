import { DEFAULT_LEASE_SECONDS, SHORTEST_LEASE_SECONDS } from './chaos-settings.js';
import type { RelayView } from './relay-view.js';

/** What the client knows of one relay it asked for. Times in Unix ms. */
export interface BookEntry {
  readonly tenant: string;
  /** Null for a relay that was found in a list: its create was never answered. */
  readonly key: string | null;
  readonly region: string;
  readonly leaseSeconds: number;
  /** Null until the create is acknowledged. */
  relayId: string | null;
  /** When the request that acknowledged it had been sent: what came later may have lost it. */
  createSentAt: number;
  /** Acknowledged ends of the lease, oldest first. */
  leases: { sentAt: number; endsAt: number }[];
  /** `sentAt`: first asked; `acknowledgedSentAt`: of the request that acknowledged it. */
  removal: { sentAt: number; acknowledgedSentAt: number | null } | null;
  /** As last seen; they never change. */
  instanceId: string | null;
  address: string | null;
  /** How it ended, once that is known and right; nothing is asked of it any more. */
  closed: string | null;
}

export interface RelayBook {
  readonly entries: readonly BookEntry[];
  /** Acknowledged and not closed. */
  open(): BookEntry[];
  /** Open, and nobody has asked to end it. */
  wanted(): BookEntry[];
  ofRelay(id: string): BookEntry | undefined;
  /** Notes a create before it is sent. */
  ask(request: { tenant: string; key: string; region: string; leaseSeconds: number }): BookEntry;
  /** Relays that more than one create was answered with. */
  readonly claimedTwice: readonly string[];
  /** The create was acknowledged, for the first time or after its relay was lost with the store. */
  acknowledge(entry: BookEntry, relay: RelayView, sentAt: number): void;
  /**
   * Takes a live relay in that was found in a list: its create was never answered, or it was thought to have ended
   * when the store was wiped.
   */
  adopt(tenant: string, relay: RelayView): void;
}

export function createRelayBook(): RelayBook {
  const entries: BookEntry[] = [];
  const byRelay = new Map<string, BookEntry>();
  const claimedTwice: string[] = [];
  const open = () => entries.filter(({ relayId, closed }) => relayId !== null && closed === null);

  function add(entry: Pick<BookEntry, 'tenant' | 'key' | 'region' | 'leaseSeconds'>): BookEntry {
    const added: BookEntry = {
      ...entry,
      relayId: null,
      createSentAt: 0,
      leases: [],
      removal: null,
      instanceId: null,
      address: null,
      closed: null,
    };
    entries.push(added);
    return added;
  }

  function acknowledge(entry: BookEntry, relay: RelayView, sentAt: number): void {
    const holder = byRelay.get(relay.id);
    // One that was found in a list may be that of a create whose answer came after all.
    if (holder !== undefined && holder !== entry && holder.key !== null) claimedTwice.push(relay.id);
    entry.relayId = relay.id;
    entry.createSentAt = sentAt;
    entry.leases = [{ sentAt, endsAt: relay.leaseExpiresAt }];
    entry.instanceId = null;
    entry.address = null;
    byRelay.set(relay.id, entry);
  }

  return {
    entries,
    open,
    wanted: () => open().filter(({ removal }) => removal === null),
    ofRelay: (id) => byRelay.get(id),
    claimedTwice,
    ask: add,
    acknowledge,
    adopt(tenant, relay) {
      const known = byRelay.get(relay.id);
      if (known?.relayId === relay.id) {
        known.closed = null;
        return;
      }
      const { region, leaseSeconds } = relay;
      const entry = add({ tenant, key: null, region, leaseSeconds });
      // Its lease may be one that a rebuilt record starts with, until its agent tells the real one.
      acknowledge(entry, { ...relay, leaseExpiresAt: leasedAtLeastUntil(relay.createdAt) }, relay.createdAt);
    },
  };
}

/** The least lease that a relay of an unknown create may have been asked for with. */
export function leasedAtLeastUntil(createdAt: number): number {
  return createdAt + SHORTEST_LEASE_SECONDS * 1_000;
}

/** The end of the lease that the store has surely heard of and cannot have forgotten. */
export function surelyLeasedUntil(entry: BookEntry): number {
  return entry.leases.at(-1)?.endsAt ?? 0;
}

/**
 * A wiped store learns leases again from the relays' agents: renewals they had not heard of by then may be forgotten. A
 * relay whose agent had heard of no lease at all starts anew with the default one.
 */
export function forgetUnheardLeases(entry: BookEntry, wipe: { unheardSince: number; wipedAt: number }): void {
  const [first, ...renewals] = entry.leases;
  if (first === undefined) return;
  const heard = first.sentAt < wipe.unheardSince;
  const anew = Math.min(first.endsAt, wipe.wipedAt + DEFAULT_LEASE_SECONDS * 1_000);
  entry.leases = [
    heard ? first : { ...first, endsAt: anew },
    ...renewals.filter(({ sentAt }) => sentAt < wipe.unheardSince),
  ];
}
