import { isTerminal, type RegionInventory, type RelayTransition, relayOutcomes } from '@aegis/relays';
import type { Metrics } from './create-metrics.js';
import type { InventorySource, RegionInventorySnapshot } from './inventory.js';

/** Counts moves that the store made and reported to this caller alone. */
export function recordMoves(metrics: Metrics, region: string, moves: readonly RelayTransition[]): void {
  for (const move of moves) {
    for (const outcome of relayOutcomes(move)) {
      if (outcome.kind === 'provision') metrics.relayProvisioned({ region, ...outcome });
      else metrics.relayDeprovisioned({ region, ...outcome });
    }
    const leaves = move.to === 'terminating' || (isTerminal(move.to) && move.from !== 'terminating');
    if (leaves && move.reason) metrics.relayEnded({ region, reason: move.reason });
  }
}

export interface InventoryParts {
  regions: readonly string[];
  inventory(region: string): Promise<RegionInventory>;
  queueDepth(region: string): Promise<RegionInventorySnapshot['queue']>;
  /** How many warm spares the region wants now. */
  warmTarget(region: string): number;
}

/** Both apps read the same counters of the store, so either page alone tells the whole inventory. */
export function createInventorySource({ regions, inventory, queueDepth, warmTarget }: InventoryParts): InventorySource {
  return () =>
    Promise.all(
      regions.map(async (region) => {
        const [counts, queue] = await Promise.all([inventory(region), queueDepth(region)]);
        return {
          ...counts,
          ...(queue && { queue }),
          warmPool: { ready: counts.warmReady, target: warmTarget(region) },
        };
      }),
    );
}
