import { isTerminal, RELAY_STATES, type RegionInventory, type RelayFrontStore } from '@aegis/relays';

/** A region whose longest waiting relay waits longer than this does not get instances right now. */
const STARVED_AFTER_MS = 15_000;

export interface RegionChoice {
  store: Pick<RelayFrontStore, 'inventory'>;
  /** In order of preference. */
  regions: readonly [string, ...string[]];
  /** Most live relays of a region, where there is a limit. */
  maxRelays: ReadonlyMap<string, number>;
  /** Unix milliseconds. */
  now: number;
}

/** The first region that can take a relay now; when none can, the first one, where it waits its turn or is refused. */
export async function chooseRegion({ store, regions, maxRelays, now }: RegionChoice): Promise<string> {
  for (const region of regions) {
    if (hasRoom(await store.inventory(region), maxRelays.get(region), now)) return region;
  }
  return regions[0];
}

function hasRoom(inventory: RegionInventory, maxRelays: number | undefined, now: number): boolean {
  const live = RELAY_STATES.filter((state) => !isTerminal(state)).reduce(
    (sum, state) => sum + inventory.counts[state],
    0,
  );
  if (maxRelays !== undefined && live >= maxRelays) return false;
  if (inventory.warmReady > 0) return true;
  const starved = inventory.oldestPendingAt !== null && now - inventory.oldestPendingAt > STARVED_AFTER_MS;
  return !starved && !inventory.freeze.launch;
}
