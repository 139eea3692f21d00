import { setTimeout as delay } from 'node:timers/promises';
import type { RegionInventory, RelayFrontStore } from '@aegis/relays';

const POLL_MS = 20;
const TIMEOUT_MS = 120_000;

/** Waits by the store's own counters: asking the api about each relay would be part of what is measured. */
export async function untilInventory(
  store: Pick<RelayFrontStore, 'inventory'>,
  region: string,
  isThere: (inventory: RegionInventory) => boolean,
): Promise<RegionInventory> {
  const deadline = performance.now() + TIMEOUT_MS;
  for (;;) {
    const inventory = await store.inventory(region);
    if (isThere(inventory)) return inventory;
    if (performance.now() > deadline) throw new Error(`waited too long: ${JSON.stringify(inventory)}`);
    await delay(POLL_MS);
  }
}
