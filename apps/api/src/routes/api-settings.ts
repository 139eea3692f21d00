import type { AegisConfig } from '@aegis/config';
import type { LeaseLimits } from '../schemas/lease-seconds.js';

/** What the routes' schemas and defaults are made of: configuration, and nothing that does anything. */
export interface ApiSettings {
  /** The first one is where a create without a region goes. */
  regions: readonly [string, ...string[]];
  /** Most live relays of a region, where there is a limit. */
  maxRelays: ReadonlyMap<string, number>;
  /** By region, in order of preference. */
  instanceTypes: ReadonlyMap<string, readonly string[]>;
  lease: LeaseLimits & { defaultLeaseSeconds: number; maxLifetimeSeconds: number };
  /** How often agents are told to send a sign of life. */
  heartbeatSeconds: number;
}

export function apiSettings(config: AegisConfig): ApiSettings {
  const [first, ...others] = config.regions.map((region) => region.name);
  if (first === undefined) throw new Error('the configuration holds at least one region');
  return {
    regions: [first, ...others],
    maxRelays: new Map(
      config.regions.flatMap(({ name, maxRelays }) => (maxRelays === undefined ? [] : [[name, maxRelays] as const])),
    ),
    instanceTypes: new Map(config.regions.map(({ name, instanceTypes }) => [name, instanceTypes])),
    lease: config.relays,
    heartbeatSeconds: config.relays.heartbeatIntervalSeconds,
  };
}
