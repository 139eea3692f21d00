import { type CreateLimit, type CreateLimits, LimitReachedError, newRelayId, type Relay } from '@aegis/relays';
import { Problem } from '../http/problem.js';
import type { ApiServices } from '../routes/api-services.js';

export interface RelayRequest {
  tenant: string;
  region: string;
  labels: Record<string, string>;
  leaseSeconds: number;
  maxLifetimeSeconds: number;
  limits: CreateLimits;
  /** The client's Idempotency-Key and what it stands for; null when it gave none. */
  idempotency: { key: string; fingerprint: string } | null;
}

/**
 * Hands out a warm relay, or stores a new one and wakes its launch. `replayed`: an earlier request with the same key had
 * done so.
 */
export async function requestRelay(
  services: ApiServices,
  request: RelayRequest,
): Promise<{ relay: Relay; replayed: boolean }> {
  const { tenant, idempotency } = request;
  for (;;) {
    const now = services.now();
    const proposedId = newRelayId(request.region, now, services.random);
    const id = idempotency ? await claimId(services, { ...idempotency, tenant, proposedId }) : proposedId;
    const { outcome, relay, moves } = await createAndWake(services, request, { id, now });
    if (outcome !== 'exists') {
      services.recordMoves(relay.region, moves);
      services.recordClaim(relay.region, outcome === 'claimed');
      if (outcome === 'claimed') services.wake('warm_pool', relay.region);
      return { relay, replayed: false };
    }
    if (idempotency) {
      // Only a collision of ids could give another tenant's relay; answering it would be worse than failing.
      if (relay.tenant !== tenant) throw new Error(`claimed relay id ${id} is taken by another tenant`);
      return { relay, replayed: true };
    }
    // The random part met an id of the same millisecond: draw again.
  }
}

interface ClaimedCreate {
  tenant: string;
  key: string;
  fingerprint: string;
  proposedId: string;
}

/** The id that the first request with this key settled on: this one's, or an earlier one's. */
async function claimId({ claims }: ApiServices, request: ClaimedCreate): Promise<string> {
  const holder = await claims.claim(request);
  if (holder.fingerprint !== request.fingerprint) throw new Problem('idempotency_mismatch');
  return holder.relayId;
}

async function createAndWake(services: ApiServices, request: RelayRequest, { id, now }: { id: string; now: number }) {
  // The id rules, not the request: an earlier claim may have been made when another region was the default.
  const region = services.regions.regionOfRelay(id);
  if (region === null) throw new Problem('unknown_region');
  const { tenant, labels, leaseSeconds, maxLifetimeSeconds, limits } = request;
  // Both go out at once, in this order, on one connection: waiting for the first answer would add a round trip to
  // every launch. When the create fails, the job wakes up, finds nothing and is done.
  const storing = services.store.create({
    id,
    tenant,
    region,
    labels,
    leaseSeconds,
    maxLifetimeSeconds,
    limits,
    now,
  });
  services.wake('relay_launch', region);
  try {
    return await storing;
  } catch (error) {
    throw error instanceof LimitReachedError ? limitReached(error, region) : error;
  }
}

const LIMITS = {
  region_relays: 'live relays in this region',
  tenant_relays: 'live relays of one tenant in this region',
  tenant_launches: 'relays asked for by one tenant in this region within a window',
} as const satisfies Record<CreateLimit, string>;

function limitReached({ limit, value, retryAfterMs }: LimitReachedError, region: string): Problem {
  return new Problem('limit_reached', {
    detail: `The limit in ${region} is ${value} ${LIMITS[limit]}.`,
    limit: { name: limit, value },
    ...(retryAfterMs !== null && { headers: { 'Retry-After': String(Math.ceil(retryAfterMs / 1000)) } }),
  });
}
