import type { RegionConfig } from './config-schema.js';

type WarmPoolSettings = RegionConfig['warmPool'];

/** How many spares a region wants at a moment (Unix ms): the first entry of the schedule that fits, else `size`. */
export function warmPoolTarget({ size, schedule }: WarmPoolSettings, now: number): number {
  if (schedule.length === 0) return size;
  const time = new Date(now).toISOString().slice(11, 16);
  const entry = schedule.find(({ from, to }) => (from <= to ? from <= time && time < to : time >= from || time < to));
  return entry?.size ?? size;
}

/** The target of each region by name; 0 for a region that is not configured. */
export function warmTargets(regions: readonly RegionConfig[], now: () => number): (region: string) => number {
  const pools = new Map(regions.map((region) => [region.name, region.warmPool]));
  return (region) => {
    const settings = pools.get(region);
    return settings ? warmPoolTarget(settings, now()) : 0;
  };
}

/** The greatest age a spare of the region can have, in ms; 0 where none are kept. */
export function spareAgeMs({ size, schedule, maxAgeSeconds }: WarmPoolSettings): number {
  const keepsSome = size > 0 || schedule.some((entry) => entry.size > 0);
  return keepsSome ? maxAgeSeconds * 1000 : 0;
}
