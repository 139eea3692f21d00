import { regionCode } from './region-code.js';
import { parseRelayId } from './relay-id.js';

/** Finds the configured region an id names, so that an id alone routes to its shard. */
export interface RegionDirectory {
  /** null for a code that no configured region has. */
  regionOfCode(code: string): string | null;
  /** null for what is no relay id, or names a region that is not configured. */
  regionOfRelay(id: string): string | null;
}

export function createRegionDirectory(regions: readonly string[]): RegionDirectory {
  const byCode = new Map(regions.map((region) => [regionCode(region), region]));
  return {
    regionOfCode: (code) => byCode.get(code) ?? null,
    regionOfRelay(id) {
      const parsed = parseRelayId(id);
      return parsed ? (byCode.get(parsed.regionCode) ?? null) : null;
    },
  };
}
