import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { type AegisConfig, warmTargets } from '@aegis/config';
import { createEc2Provider } from '@aegis/ec2';
import type { Logger } from '@aegis/logging';
import { createInventorySource, createMetrics, createMetricsHandler, type Metrics, Registry } from '@aegis/metrics';
import { createRegionQueue, createRegionWorker, type RegionQueue } from '@aegis/queues';
import {
  createRedisFleetStore,
  createRedisRelayStore,
  createStoreSchema,
  type FleetStore,
  type RedisClient,
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
import { createRegionRunner } from './region-runner.js';
import { createSharedSpending } from './shared-spending.js';
import { createTickKeeper } from './tick-keeper.js';
import { createTroubleLog } from './trouble-log.js';
import { waitUntilVerified } from './wait-until-verified.js';

export interface JobsOptions {
  config: AegisConfig;
  logger: Logger;
  /** Unix ms. Default: the system's clock. */
  now?: () => number;
}

/*
 * One call to AWS, with all its attempts. A hanging connection must not hold a region's launches for long, and EC2
 * answers a launch of hundreds within seconds.
 */
const AWS_DEADLINE_MS = 20_000;
const AWS_ATTEMPT_TIMEOUT_MS = 8_000;

/**
 * When a shutdown stops waiting for AWS, as a share of what the drain delay has left of its deadline. A call cut off loses
 * nothing: its intent stays open and the next process repeats the request. The rest of the time is for storing that and for
 * closing.
 */
const AWS_SHARE_OF_SHUTDOWN = 0.6;

/** Wires the whole process. It connects to Redis in the background; no job runs before the parts are started. */
export function composeJobs({ config, logger, now = Date.now }: JobsOptions): ServiceParts {
  const { jobs } = config;
  const regions = config.regions.map((region) => region.name);
  const connect = (role: 'store' | 'blocking', name: string = role) =>
    connectRedis({ url: config.redisUrl, access: config.redis, role, connectionName: `aegis-jobs:${name}`, logger });
  const redis = connect('store');
  const sharedRedis = connect('blocking');
  const subscriber = connect('blocking', 'spending');
  const workerRedis = [sharedRedis];
  const freshConnection = (): RedisClient => {
    const client = connect('blocking');
    workerRedis.push(client);
    return client;
  };
  const schema = createSchemaKeeper({
    schema: createStoreSchema({ redis, regions, newToken: randomUUID, keepsDeployment: false }),
    redis,
    logger,
  });
  const timing = relayTiming(config.relays);
  const replicaWait = { replicas: config.redis.waitReplicas, timeoutMs: config.redis.waitMs };
  const store = createRedisFleetStore({ redis, timing, newToken: randomUUID, replicaWait });
  const queues = new Map(
    regions.map((region) => [
      region,
      createRegionQueue({
        region,
        prefix: regionPrefix(region),
        connection: redis,
        ticks: { orphan_sweep: config.sweep.intervalSeconds * 1000 },
      }),
    ]),
  );
  const metrics = createJobsMetrics(config, redis, queues, now);
  const ending = new AbortController();
  const cloud = createEc2Provider({
    regions,
    onSpent: (region, spent) => spending.tell(region, spent),
    signal: ending.signal,
    deadlineMs: AWS_DEADLINE_MS,
    attemptTimeoutMs: AWS_ATTEMPT_TIMEOUT_MS,
    observer: {
      operation: (event) => metrics.awsOperation(event),
      retry: (event) => metrics.awsRetry(event),
      retryExhausted: (event) => metrics.awsRetryExhausted(event),
    },
  });
  const spending = createSharedSpending({
    publisher: redis,
    subscriber,
    regions,
    self: randomUUID(),
    note: (region, spent) => cloud.noteSpending(region, spent),
  });
  const ticks = createTickKeeper({ queues, store, logger });
  const readiness = createReadiness({ logger, checks: [{ name: 'redis', check: () => redis.ping() }] });
  const { bearerToken, host = jobs.host, port = jobs.port } = jobs.metrics;
  const metricsPage = createMetricsHandler({ metrics, ...(bearerToken !== undefined && { bearerToken }) });
  const workers = createWorkers({
    config,
    store,
    cloud,
    queues,
    metrics,
    logger,
    now,
    redis: sharedRedis,
    freshConnection,
  });
  const ownMetricsListener = jobs.metrics.port !== undefined;

  return {
    logger,
    readiness,
    shutdownTimeoutMs: config.shutdownTimeoutSeconds * 1000,
    drainDelayMs: config.drainDelaySeconds * 1000,
    listeners: [
      {
        name: 'jobs',
        host: jobs.host,
        port: jobs.port,
        handler: createOperationsHandler({ readiness, logger, ...(!ownMetricsListener && { metrics: metricsPage }) }),
        closesLast: true,
        settings: { host: 'AEGIS_JOBS_HOST', port: 'AEGIS_JOBS_PORT' },
      },
      ...(ownMetricsListener
        ? [
            {
              name: 'metrics',
              host,
              port,
              handler: createOperationsHandler({ readiness, logger, metrics: metricsPage }),
              closesLast: true,
              settings: { host: 'AEGIS_JOBS_METRICS_HOST', port: 'AEGIS_JOBS_METRICS_PORT' },
            },
          ]
        : []),
    ],
    failed: schema.failed,
    async prepare() {
      await checkRedis(redis, { logger });
      await schema.prepare();
    },
    async start() {
      schema.start();
      spending.start();
      for (const worker of workers) worker.start();
      // Launches wait until the store has been compared with EC2 once.
      const askForSweep = ([region, queue]: [string, RegionQueue]) =>
        // What is lost here the tick keeper asks for again.
        queue.trigger('orphan_sweep').catch((error: unknown) => {
          logger.warn('the first sweep could not be asked for', { region, error });
        });
      await Promise.all([ticks.start(), ...[...queues].map(askForSweep)]);
      await Promise.all(regions.map((region) => waitUntilVerified(store, region, logger)));
      for (const region of regions) {
        cloud.warmUp(region).catch((error: unknown) => logger.warn('EC2 does not answer yet', { region, error }));
      }
    },
    async stopIntake() {
      metrics.shuttingDown();
      schema.stop();
      ticks.stop();
      await Promise.all(workers.map((worker) => worker.pause()));
    },
    async drain() {
      const left = config.shutdownTimeoutSeconds - config.drainDelaySeconds;
      const patience = left * 1000 * AWS_SHARE_OF_SHUTDOWN;
      const timer = setTimeout(() => ending.abort(), patience);
      await Promise.all(workers.map((worker) => worker.close()));
      clearTimeout(timer);
    },
    async close() {
      schema.stop();
      ticks.stop();
      await Promise.all([...queues.values()].map((queue) => queue.close()));
      cloud.close();
      await Promise.all([...workerRedis.map(closeRedis), closeRedis(subscriber), closeRedis(redis)]);
    },
  };
}

function createJobsMetrics(
  config: AegisConfig,
  redis: RedisClient,
  queues: ReadonlyMap<string, RegionQueue>,
  now: () => number,
): Metrics {
  const regions = [...queues.keys()];
  const front = createRedisRelayStore({ redis, regions, timing: relayTiming(config.relays) });
  return createMetrics({
    registry: new Registry(),
    app: 'jobs',
    version: readPackageVersion(new URL('../package.json', import.meta.url)),
    regions,
    instanceTypes: config.regions.flatMap((region) => region.instanceTypes),
    inventorySource: createInventorySource({
      regions,
      inventory: (region) => front.inventory(region),
      queueDepth: async (region) => queues.get(region)?.depth(),
      warmTarget: warmTargets(config.regions, now),
    }),
    clock: now,
  });
}

interface WorkerParts {
  config: AegisConfig;
  store: FleetStore;
  cloud: Parameters<typeof createRegionRunner>[0]['cloud'];
  queues: ReadonlyMap<string, RegionQueue>;
  metrics: Metrics;
  logger: Logger;
  now: () => number;
  redis: RedisClient;
  freshConnection: () => RedisClient;
}

/** One worker a region: a region in trouble holds up nobody else. */
function createWorkers({ queues, redis, freshConnection, logger, ...parts }: WorkerParts) {
  return parts.config.regions.flatMap((region) => {
    const queue = queues.get(region.name);
    if (!queue) return [];
    const run = createRegionRunner({ ...parts, region, queue, logger, sleep: (ms) => delay(ms) });
    return createRegionWorker({
      prefix: regionPrefix(region.name),
      connection: redis,
      freshConnection,
      queue,
      process: (job) => run(job),
      onError: createTroubleLog(logger, region.name),
    });
  });
}
