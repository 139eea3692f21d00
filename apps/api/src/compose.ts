import { randomInt, randomUUID } from 'node:crypto';
import { type AegisConfig, spareAgeMs, warmTargets } from '@aegis/config';
import type { Logger } from '@aegis/logging';
import { createMetricsHandler, recordMoves } from '@aegis/metrics';
import { createRegionQueue, type JobName } from '@aegis/queues';
import {
  createQuotaStore,
  createRedisRelayStore,
  createRegionDirectory,
  createRelayFeed,
  createStoreSchema,
  createTenantSlots,
  regionPrefix,
  relayTiming,
} from '@aegis/relays';
import {
  checkRedis,
  closeRedis,
  connectRedis,
  createOperationsHandler,
  createReadiness,
  createSchemaKeeper,
  readPackageVersion,
  type ServiceParts,
} from '@aegis/service';
import { createAuditCalls } from './audit/audit-calls.js';
import { createAuditLog } from './audit/audit-log.js';
import { createApiKeys } from './auth/api-keys.js';
import { createApiMetrics } from './create-api-metrics.js';
import { createApp } from './http/create-app.js';
import { createDocsPages } from './http/docs-pages.js';
import { EVENT_STREAM_SETTINGS, type EventStreamSettings } from './http/event-stream.js';
import { createIdempotencyClaims } from './idempotency/idempotency-claims.js';
import { createKeyStore } from './keys/key-store.js';
import { issueKey } from './keys/key-token.js';
import { createFloodGuard } from './limits/flood-guard.js';
import { createRateLimits } from './limits/rate-limits.js';
import { createTenantQuotas } from './limits/tenant-quotas.js';
import { createOpenApiDocument } from './openapi/create-document.js';
import { createAgentCredentials } from './relays/agent-credentials.js';
import { createAliveBeat } from './relays/alive-beat.js';
import { createStreamRegister } from './relays/stream-register.js';
import { createWakeJobs } from './relays/wake-jobs.js';
import type { ApiServices } from './routes/api-services.js';
import { apiSettings } from './routes/api-settings.js';
import { operationsPages } from './routes/operations-pages.js';
import { createRouteTable } from './routes/route-table.js';

export interface ApiOptions {
  config: AegisConfig;
  logger: Logger;
  /** Unix milliseconds. Default: the system's clock. */
  now?: () => number;
  /** Where event streams differ from the usual. */
  streams?: Partial<EventStreamSettings>;
}

/** Wires the whole process. It connects to Redis in the background; nothing listens before the parts are started. */
export function composeApi({ config, logger, now = Date.now, streams }: ApiOptions): ServiceParts {
  const { api } = config;
  const regions = config.regions.map((region) => region.name);
  const redis = connectRedis({
    url: config.redisUrl,
    access: config.redis,
    role: 'store',
    connectionName: 'aegis-api',
    logger,
  });
  const subscriber = connectRedis({
    url: config.redisUrl,
    access: config.redis,
    role: 'blocking',
    connectionName: 'aegis-api:feed',
    logger,
  });
  const schema = createSchemaKeeper({
    schema: createStoreSchema({ redis, regions, newToken: randomUUID }),
    redis,
    logger,
  });
  const replicaWait = { replicas: config.redis.waitReplicas, timeoutMs: config.redis.waitMs };
  const feed = createRelayFeed({ subscriber, regions });
  const spareAges = new Map(config.regions.map(({ name, warmPool }) => [name, spareAgeMs(warmPool)]));
  const store = createRedisRelayStore({
    redis,
    regions,
    timing: relayTiming(config.relays),
    claimMemorySeconds: 2 * api.idempotencyRetentionSeconds,
    replicaWait,
    spareAgeMs: (region) => spareAges.get(region) ?? 0,
  });
  // On the store's own connection: a trigger sent after a create arrives after it.
  const queues = new Map(
    regions.map((region) => [region, createRegionQueue({ region, prefix: regionPrefix(region), connection: redis })]),
  );
  const trigger = async (job: JobName, region: string) => queues.get(region)?.trigger(job);
  const readiness = createReadiness({ logger, checks: [{ name: 'redis', check: () => redis.ping() }] });
  const routes = createRouteTable(apiSettings(config));
  const version = readPackageVersion(new URL('../package.json', import.meta.url));
  const docs = createDocsPages(() => createOpenApiDocument({ routes, pages: operationsPages(config), version }));
  const operationsPaths = ['/healthz', '/readyz', '/metrics', ...docs.keys()];
  const metrics = createApiMetrics({ config, version, routes, operationsPaths, store, queues, now });
  const { bearerToken } = api.metrics;
  const metricsPage = createMetricsHandler({ metrics, ...(bearerToken !== undefined && { bearerToken }) });
  const beat = createAliveBeat({ store, regions, logger, now });

  const quotas = createTenantQuotas({ store: createQuotaStore(redis, replicaWait), configured: config.quotas, logger });
  const warmTarget = warmTargets(config.regions, now);
  const keyStore = createKeyStore(redis, replicaWait);
  const audit = createAuditLog(redis);
  const services: ApiServices = {
    audit,
    keys: { store: keyStore, issue: (id) => issueKey(config.secret, id) },
    store,
    feed,
    streams: createStreamRegister(metrics, { ...EVENT_STREAM_SETTINGS, ...streams }),
    regions: createRegionDirectory(regions),
    wake: createWakeJobs({ send: trigger, logger }),
    trigger,
    // A claim that outlived its relay's record would let a late retry create the relay anew.
    claims: createIdempotencyClaims({
      redis,
      retentionSeconds: Math.min(api.idempotencyRetentionSeconds, config.relays.retentionSeconds),
      replicaWait,
    }),
    quotas,
    slots: createTenantSlots({ redis, regions, newToken: randomUUID }),
    credentials: createAgentCredentials(config.secret),
    recordMoves: (region, moves) => recordMoves(metrics, region, moves),
    keepsSpares: (region) => warmTarget(region) > 0,
    recordClaim(region, hit) {
      if (hit || warmTarget(region) > 0) metrics.warmPoolClaim({ region, outcome: hit ? 'hit' : 'miss' });
    },
    now,
    random: randomInt,
  };
  const app = createApp({
    routes,
    keys: createApiKeys({ configured: api.keys, store: keyStore, secret: config.secret, logger, now }),
    services,
    draining: readiness.draining,
    audit: createAuditCalls({ log: audit, logger, now }),
    limits: createRateLimits(redis, api.rateLimits, now),
    floods: createFloodGuard(api.rateLimits),
    trustedProxies: api.trustedProxies,
    operations: new Map([
      ['/healthz', readiness.healthz],
      ['/readyz', readiness.readyz],
      ...docs,
      ...(api.metrics.port === undefined ? [['/metrics', metricsPage] as const] : []),
    ]),
    metrics,
    logger,
  });

  return {
    logger,
    readiness,
    shutdownTimeoutMs: config.shutdownTimeoutSeconds * 1000,
    drainDelayMs: config.drainDelaySeconds * 1000,
    listeners: [
      {
        name: 'api',
        host: api.host,
        port: api.port,
        handler: app,
        settings: { host: 'AEGIS_API_HOST', port: 'AEGIS_API_PORT' },
      },
      ...(api.metrics.port === undefined
        ? []
        : [
            {
              name: 'metrics',
              host: api.metrics.host ?? api.host,
              port: api.metrics.port,
              handler: createOperationsHandler({ readiness, logger, metrics: metricsPage }),
              closesLast: true,
              settings: { host: 'AEGIS_API_METRICS_HOST', port: 'AEGIS_API_METRICS_PORT' },
            },
          ]),
    ],
    failed: schema.failed,
    async prepare() {
      await checkRedis(redis, { logger });
      await schema.prepare();
    },
    async start() {
      schema.start();
      await feed.start();
      beat.start();
      await quotas.start();
    },
    async stopIntake() {
      metrics.shuttingDown();
      schema.stop();
      beat.stop();
      quotas.stop();
    },
    async close() {
      schema.stop();
      beat.stop();
      quotas.stop();
      await Promise.all([...queues.values()].map((queue) => queue.close()));
      await Promise.all([closeRedis(subscriber), closeRedis(redis)]);
    },
  };
}
