import type { Relay, RelayFrontStore } from '@aegis/relays';
import { Problem } from '../../http/problem.js';

const RECOVERY_SECONDS = '2';

/** The relay, if it is the tenant's. Unknown, malformed and foreign ids answer alike: nobody learns what others have. */
export async function ownRelay(store: RelayFrontStore, id: string, tenant: string): Promise<Relay> {
  const relay = await store.get(id);
  if (relay === null || relay.tenant !== tenant) throw await relayMissing(store, id);
  return relay;
}

/**
 * The refusal of an id under which the tenant has no relay. While the region's store may have forgotten relays, "there is
 * none" would be a lie that a client might act upon: it is told to ask again.
 */
export async function relayMissing(store: RelayFrontStore, id: string): Promise<Problem> {
  if (!(await store.inDoubt(id))) return new Problem('relay_not_found');
  return new Problem('store_recovering', { headers: { 'Retry-After': RECOVERY_SECONDS } });
}
