import { type CreateResult, isTerminal, LimitReachedError, type Slot, type TenantLimits } from '@aegis/relays';
import type { ApiServices } from '../routes/api-services.js';

export interface SlotRequest {
  id: string;
  tenant: string;
  /** The id was drawn just now: nothing can be stored under it. */
  fresh: boolean;
  limits: TenantLimits;
  now: number;
}

/**
 * Runs a create while the tenant's slot for it is held, if the tenant has a limit over all regions; else at once.
 * @throws LimitReachedError
 */
export async function createInSlot(
  services: Pick<ApiServices, 'slots' | 'store'>,
  request: SlotRequest,
  create: () => Promise<CreateResult>,
): Promise<CreateResult> {
  const slot = await slotFor(services, request);
  return slot === null ? create() : createHolding(services, slot, create);
}

/** Null where no slot is needed: there is no limit, or an earlier request has created the relay and this one repeats it. */
async function slotFor({ slots, store }: Pick<ApiServices, 'slots' | 'store'>, request: SlotRequest) {
  const { id, tenant, fresh, limits, now } = request;
  if (limits.relays === undefined && limits.launches === undefined) return null;
  if (!fresh && (await store.isKnown(id))) return null;
  return slots.take(id, { tenant, limits, now });
}

async function createHolding(
  { slots }: Pick<ApiServices, 'slots'>,
  slot: Slot,
  create: () => Promise<CreateResult>,
): Promise<CreateResult> {
  try {
    const result = await create();
    if (result.outcome === 'claimed') await slots.handOver(slot, result.relay.id);
    // Somebody else was faster and its relay has ended already. While it lives, the slot is its.
    if (result.outcome === 'exists' && isTerminal(result.relay.state)) await slots.giveBack(slot);
    return result;
  } catch (error) {
    // After any other failure the relay may have been stored all the same: the slot stays until it is found out.
    if (error instanceof LimitReachedError) await slots.giveBack(slot);
    throw error;
  }
}
