import type { Relay, RelayState } from './relay.js';
import type { RelayTransition } from './relay-transition.js';

export interface CreateRelay {
  /** From `newRelayId(region)`. Creating an id that exists changes nothing and answers the stored relay. */
  id: string;
  tenant: string;
  region: string;
  labels: Record<string, string>;
  /** Only an instance of this type will do. Default: any of the region's. */
  instanceType?: string | undefined;
  leaseSeconds: number;
  /** From acceptance to the forced end, whatever the lease says. */
  maxLifetimeSeconds: number;
  now: number;
  /** Default: none. A retried create whose relay exists is never refused. */
  limits?: CreateLimits;
}

/** Bounds on creates within the region; those over all regions are kept by `TenantSlots`. */
export interface CreateLimits {
  /** Most relays of the region that have not ended, whoever has them. */
  regionRelays?: number | undefined;
  /** Most relays of the tenant in the region that have not ended. */
  tenantRegionRelays?: number | undefined;
}

export const CREATE_LIMITS = ['region_relays', 'tenant_region_relays', 'tenant_relays', 'tenant_launches'] as const;
export type CreateLimit = (typeof CREATE_LIMITS)[number];

/** A create would have gone past a limit; nothing was stored. */
export class LimitReachedError extends Error {
  readonly code = 'limit_reached';
  constructor(
    readonly limit: CreateLimit,
    readonly value: number,
    /** When the limit may allow another one; null when that is up to others. */
    readonly retryAfterMs: number | null,
  ) {
    super(`${limit} is ${value}`);
  }
}

/**
 * `claimed`: a warm relay was handed out; it is active, and keeps its own id. `exists`: an earlier create under the same
 * id stored it, or claimed it.
 */
export interface CreateResult {
  outcome: 'created' | 'claimed' | 'exists';
  relay: Relay;
  moves: RelayTransition[];
}

export interface ListRelays {
  tenant: string;
  regions: readonly string[];
  states?: readonly RelayState[];
  /** All of them must match; without a value any will do. */
  labels?: readonly { key: string; value?: string }[];
  /** Only relays accepted later than this (Unix ms). */
  createdAfter?: number;
  /** 1 to 200. */
  limit: number;
  /** Opaque, from an earlier page. */
  cursor?: string;
}

export type ListResult = { outcome: 'page'; relays: Relay[]; nextCursor: string | null } | { outcome: 'bad_cursor' };

/** `ended`: the relay exists but is terminating or terminal. `not_found` also for another tenant's relay. */
export type RenewResult = { outcome: 'renewed' | 'ended'; relay: Relay } | { outcome: 'not_found' };

export type TerminateResult =
  /** `changed` false: it was on its way out or gone already. */
  { outcome: 'accepted'; relay: Relay; changed: boolean; moves: RelayTransition[] } | { outcome: 'not_found' };

export type CheckInResult =
  /** `moves` holds the move to `active` when this very call made it (exactly one caller gets it). */
  | { outcome: 'accepted'; relay: Relay; moves: RelayTransition[] }
  /** The instance is not (yet) recorded for that intent: the agent may try again in a moment. */
  | { outcome: 'unknown_instance' }
  /** The relay is on its way out: the agent must shut its machine down. */
  | { outcome: 'ended'; relay: Relay };

export type HeartbeatResult =
  | { outcome: 'alive'; relay: Relay; moves: RelayTransition[] }
  | { outcome: 'ended' }
  | { outcome: 'not_found' };

export interface RelayEvent {
  /** 1, 2, 3 … per relay. */
  seq: number;
  at: number;
  from: RelayState | null;
  to: RelayState;
  reason: string | null;
  attempt: number | null;
  awsRequestId: string | null;
}

/** Counts kept by the store's own scripts: reading them costs the same at any number of relays. */
export interface RegionInventory {
  region: string;
  counts: Record<RelayState, number>;
  /** `createdAt` of the longest waiting `pending` relay. */
  oldestPendingAt: number | null;
  openIntents: number;
  /** Since when the relay that has been `terminating` longest has been so. */
  oldestTerminatingAt: number | null;
  /** The last complete sweep. */
  sweep: { lastCompleteAt: number | null; halted: boolean; instances: number; orphans: number; missing: number };
  freeze: Freeze;
  /** Spares ready to be handed out. */
  warmReady: number;
  /** Instance types that EC2 had none of, and until when nobody asks for them again (Unix ms). */
  exhausted: ReadonlyMap<string, number>;
}

/** Run-time switches of an operator: `launch` stops new instances, `sweep` stops sweeps from terminating any. */
export interface Freeze {
  launch: boolean;
  sweep: boolean;
}

/** What clients and relays may do: the part of the store that apps/api uses. */
export interface RelayFrontStore {
  /** @throws LimitReachedError */
  create(relay: CreateRelay): Promise<CreateResult>;
  get(id: string): Promise<Relay | null>;
  /** Whether a create under this id has stored its relay, or claimed a spare. */
  isKnown(id: string): Promise<boolean>;
  /** Whether the store of the id's region may have forgotten relays: what it does not know may exist all the same. */
  inDoubt(id: string): Promise<boolean>;
  list(query: ListRelays): Promise<ListResult>;
  renew(id: string, by: { tenant: string; leaseSeconds: number; now: number }): Promise<RenewResult>;
  requestTermination(id: string, by: { tenant: string; now: number }): Promise<TerminateResult>;
  checkIn(by: { region: string; intentId: string; instanceId: string; now: number }): Promise<CheckInResult>;
  /** `heardLeaseExpiresAt`: the lease's end that the agent proved to have heard last; null when it proved none. */
  heartbeat(
    id: string,
    by: { instanceId: string; now: number; heardLeaseExpiresAt: number | null },
  ): Promise<HeartbeatResult>;
  events(id: string, after: number, limit: number): Promise<RelayEvent[]>;
  inventory(region: string): Promise<RegionInventory>;
  /** Sets what is given; answers the switches as they stand then. */
  setFreeze(region: string, change: Partial<Freeze>): Promise<Freeze>;
  /** How many relays that have not ended a tenant has in a region. */
  liveOf(region: string, tenant: string): Promise<number>;
  /** Says that an api which relays can reach is alive: without it, silence of relays proves nothing. */
  beat(region: string, now: number): Promise<void>;
}
