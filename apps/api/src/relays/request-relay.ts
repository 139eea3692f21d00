import { type CreateLimit, LimitReachedError, newRelayId, type Relay } from '@aegis/relays';
import { Problem } from '../http/problem.js';
import type { ApiServices } from '../routes/api-services.js';
import { createInSlot } from './create-in-slot.js';

export interface RelayRequest {
  tenant: string;
  region: string;
  labels: Record<string, string>;
  instanceType: string | undefined;
  leaseSeconds: number;
  maxLifetimeSeconds: number;
  /** Most live relays of each region, where there is a limit. */
  maxRelays: ReadonlyMap<string, number>;
  /** The client's Idempotency-Key, a character for each of its bytes, and what it stands for; null when it gave none. */
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
    const { outcome, relay, moves } = await createAndWake(services, request, { id, fresh: id === proposedId, now });
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

async function createAndWake(
  services: ApiServices,
  request: RelayRequest,
  { id, fresh, now }: { id: string; fresh: boolean; now: number },
) {
  // The id rules, not the request: an earlier claim may have been made when another region was the default.
  const region = services.regions.regionOfRelay(id);
  if (region === null) throw new Problem('unknown_region');
  const { tenant, labels, instanceType, leaseSeconds, maxLifetimeSeconds } = request;
  const quota = services.quotas.of(tenant);
  // Where spares are kept nearly every create finds one, and a launch would be woken for nothing.
  const mostlyWarm = services.keepsSpares(region);
  // Both go out at once, in this order, on one connection: waiting for the first answer would add a round trip to
  // every launch. When the create fails, the job wakes up, finds nothing and is done.
  const create = () => {
    const storing = services.store.create({
      id,
      tenant,
      region,
      labels,
      instanceType,
      leaseSeconds,
      maxLifetimeSeconds,
      limits: { regionRelays: request.maxRelays.get(region), tenantRegionRelays: quota.relaysPerRegion },
      now,
    });
    if (!mostlyWarm) services.wake('relay_launch', region);
    return storing;
  };
  let claimed = false;
  try {
    const created = await createInSlot(services, { id, tenant, fresh, limits: quota, now }, create);
    claimed = created.outcome === 'claimed';
    return created;
  } catch (error) {
    throw error instanceof LimitReachedError ? limitReached(error, region) : error;
  } finally {
    if (mostlyWarm && !claimed) services.wake('relay_launch', region);
  }
}

const LIMITS = {
  region_relays: (region) => `live relays in ${region}`,
  tenant_region_relays: (region) => `live relays of one tenant in ${region}`,
  tenant_relays: () => 'live relays of one tenant over all regions',
  tenant_launches: () => 'relays asked for by one tenant within a window, over all regions',
} as const satisfies Record<CreateLimit, (region: string) => string>;

function limitReached({ limit, value, retryAfterMs }: LimitReachedError, region: string): Problem {
  return new Problem('limit_reached', {
    detail: `The limit is ${value} ${LIMITS[limit](region)}.`,
    limit: { name: limit, value },
    ...(retryAfterMs !== null && { headers: { 'Retry-After': String(Math.ceil(retryAfterMs / 1000)) } }),
  });
}
