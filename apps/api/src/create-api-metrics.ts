import { type AegisConfig, warmTargets } from '@aegis/config';
import { createInventorySource, createMetrics, type Metrics, Registry } from '@aegis/metrics';
import type { RegionQueue } from '@aegis/queues';
import type { RelayFrontStore } from '@aegis/relays';
import type { Route } from './http/route.js';

export interface ApiMetricsOptions {
  config: AegisConfig;
  version: string;
  routes: readonly Route[];
  operationsPaths: readonly string[];
  store: RelayFrontStore;
  queues: ReadonlyMap<string, RegionQueue>;
  /** Unix milliseconds. */
  now: () => number;
}

export function createApiMetrics(options: ApiMetricsOptions): Metrics {
  const { config, version, routes, operationsPaths, store, queues, now } = options;
  return createMetrics({
    registry: new Registry(),
    app: 'api',
    version,
    regions: config.regions.map((region) => region.name),
    instanceTypes: config.regions.flatMap((region) => region.instanceTypes),
    httpRoutes: [
      ...routes.map((route) => ({ method: route.method.toUpperCase(), route: route.path })),
      ...operationsPaths.map((route) => ({ method: 'GET', route })),
    ],
    inventorySource: createInventorySource({
      regions: [...queues.keys()],
      inventory: (region) => store.inventory(region),
      queueDepth: async (region) => queues.get(region)?.depth(),
      warmTarget: warmTargets(config.regions, now),
    }),
    clock: now,
  });
}
