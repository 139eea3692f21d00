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
  /** The most preferred of a type, or of all types, that is available or due for a probe; null when all were refused lately. */
  best(instanceType: string | null): OfferingChoice | null;
  /** Until when all offerings of a type are passed over (Unix ms); null when one is not. */
  exhaustedUntil(instanceType: string): number | null;
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
    best(instanceType) {
      for (const offering of offerings) {
        if (instanceType !== null && offering.instanceType !== instanceType) continue;
        const until = unavailableUntil.get(keyOf(offering));
        if (until === undefined || until <= now()) return { offering, probe: until !== undefined };
      }
      return null;
    },
    exhaustedUntil(instanceType) {
      const ofType = offerings.filter((offering) => offering.instanceType === instanceType);
      const ends = ofType.map((offering) => unavailableUntil.get(keyOf(offering)) ?? 0);
      const soonest = Math.min(...ends);
      return ofType.length === 0 || soonest <= now() ? null : soonest;
    },
    markUnavailable: (offering) => unavailableUntil.set(keyOf(offering), now() + UNAVAILABLE_MS),
    markAvailable: (offering) => unavailableUntil.delete(keyOf(offering)),
  };
}

function keyOf({ instanceType, subnetId, market }: Offering): string {
  return `${instanceType} ${subnetId} ${market.type}`;
}
