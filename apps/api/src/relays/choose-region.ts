import { isTerminal, RELAY_STATES, type RegionInventory, type RelayFrontStore } from '@aegis/relays';

/** A region whose longest waiting relay waits longer than this does not get instances right now. */
const STARVED_AFTER_MS = 15_000;

export interface RegionChoice {
  store: Pick<RelayFrontStore, 'inventory'>;
  /** In order of preference. */
  regions: readonly [string, ...string[]];
  /** Most live relays of a region, where there is a limit. */
  maxRelays: ReadonlyMap<string, number>;
  /** What relays of each region run on. */
  instanceTypes: ReadonlyMap<string, readonly string[]>;
  /** The only one that will do; undefined: any. */
  instanceType: string | undefined;
  /** Unix milliseconds. */
  now: number;
}

/** The first region that can take a relay now; when none can, the first one, where it waits its turn or is refused. */
export async function chooseRegion(choice: RegionChoice): Promise<string> {
  const { store, regions, maxRelays, instanceTypes, instanceType, now } = choice;
  for (const region of regions) {
    const types = instanceType === undefined ? (instanceTypes.get(region) ?? []) : [instanceType];
    const wanted = { maxRelays: maxRelays.get(region), types, anyType: instanceType === undefined, now };
    if (hasRoom(await store.inventory(region), wanted)) return region;
  }
  return regions[0];
}

interface Wanted {
  maxRelays: number | undefined;
  types: readonly string[];
  anyType: boolean;
  now: number;
}

function hasRoom(inventory: RegionInventory, { maxRelays, types, anyType, now }: Wanted): boolean {
  const live = RELAY_STATES.filter((state) => !isTerminal(state)).reduce(
    (sum, state) => sum + inventory.counts[state],
    0,
  );
  if (maxRelays !== undefined && live >= maxRelays) return false;
  // A spare may be of any type.
  if (inventory.warmReady > 0 && anyType) return true;
  if (inventory.freeze.launch || types.every((type) => (inventory.exhausted.get(type) ?? 0) > now)) return false;
  return inventory.oldestPendingAt === null || now - inventory.oldestPendingAt <= STARVED_AFTER_MS;
}
