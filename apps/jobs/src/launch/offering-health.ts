import type { RegionConfig } from '@aegis/config';
import type { Market, Offering } from '@aegis/ec2';

/** How long an offering that had no capacity is passed over. */
const UNAVAILABLE_MS = 3 * 60_000;

export interface OfferingChoice {
  offering: Offering;
  /** It had no capacity a while ago: one launch finds out whether it has some again. */
  probe: boolean;
}

/**
 * A region's ways of getting an instance, in order of preference: spot before on-demand where both are allowed, then
 * types, then subnets. What had no capacity is passed over for three minutes and then probed with a single launch. Kept
 * per process: another replica finds out by one refused call of its own.
 */
export interface OfferingHealth {
  /** The most preferred that is available or due for a probe; null when all were refused lately. */
  best(): OfferingChoice | null;
  markUnavailable(offering: Offering): void;
  markAvailable(offering: Offering): void;
}

const ON_DEMAND: Market = { type: 'on_demand' };
const SPOT: Market = { type: 'spot', maxPrice: null };
const MARKETS: Record<RegionConfig['spot'], readonly Market[]> = {
  off: [ON_DEMAND],
  prefer: [SPOT, ON_DEMAND],
  only: [SPOT],
};

type OfferingSettings = Pick<RegionConfig, 'instanceTypes' | 'subnetIds' | 'spot'>;

export function createOfferingHealth(region: OfferingSettings, now: () => number): OfferingHealth {
  const offerings = MARKETS[region.spot].flatMap((market) =>
    region.instanceTypes.flatMap((instanceType) =>
      region.subnetIds.map((subnetId): Offering => ({ instanceType, subnetId, market })),
    ),
  );
  const unavailableUntil = new Map<string, number>();
  return {
    best() {
      for (const offering of offerings) {
        const until = unavailableUntil.get(keyOf(offering));
        if (until === undefined || until <= now()) return { offering, probe: until !== undefined };
      }
      return null;
    },
    markUnavailable: (offering) => unavailableUntil.set(keyOf(offering), now() + UNAVAILABLE_MS),
    markAvailable: (offering) => unavailableUntil.delete(keyOf(offering)),
  };
}

function keyOf({ instanceType, subnetId, market }: Offering): string {
  return `${instanceType} ${subnetId} ${market.type}`;
}
