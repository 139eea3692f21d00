import { randomInt } from 'node:crypto';
import type { AegisConfig, RegionConfig } from '@aegis/config';
import type { CloudProvider } from '@aegis/ec2';
import type { Logger } from '@aegis/logging';
import { type Metrics, recordMoves } from '@aegis/metrics';
import type { JobName, RegionQueue } from '@aegis/queues';
import { FencedError, type FleetStore, newIntentId, newRelayId } from '@aegis/relays';
import { createCallPacer } from './call-pacer.js';
import type { JobContext } from './job-context.js';
import { JOBS } from './job-registry.js';
import { createOfferingHealth } from './launch/offering-health.js';
import { buildUserData } from './launch/user-data.js';

export interface RegionRunnerOptions {
  region: RegionConfig;
  config: AegisConfig;
  store: FleetStore;
  cloud: CloudProvider;
  queue: Pick<RegionQueue, 'trigger'>;
  metrics: Metrics;
  logger: Logger;
  /** Unix ms. */
  now: () => number;
  sleep: (ms: number) => Promise<void>;
}

/** Runs one job of a region: takes the fence, hands the job its context, counts and times the run. */
export type RegionRunner = (job: JobName) => Promise<void>;

export function createRegionRunner(options: RegionRunnerOptions): RegionRunner {
  const { region, config, store, cloud, queue, metrics, now } = options;
  const { name } = region;
  const offerings = createOfferingHealth(region, now);
  const shared = {
    region,
    config,
    userData: buildUserData(config, region),
    store,
    cloud,
    offerings,
    launchPacer: createCallPacer(now),
    terminatePacer: createCallPacer(now),
    bootWatchPacer: createCallPacer(now),
    poolPacer: createCallPacer(now),
    now,
    sleep: options.sleep,
    newIntentId: () => newIntentId(name, now(), randomInt),
    newRelayId: () => newRelayId(name, now(), randomInt),
    trigger: (job: JobName) => queue.trigger(job),
    recordMoves: (moves) => recordMoves(metrics, name, moves),
    recordMetrics: {
      deprovisionRefused: (latencyMs) => metrics.relayDeprovisioned({ region: name, status: 'error', latencyMs }),
      capacityAttempt: ({ instanceType, market }, outcome) =>
        metrics.capacityAttempt({ region: name, instanceType, market: market.type, outcome }),
      orphansFound: (count) => metrics.orphansFound({ region: name, count }),
      orphanTerminated: (livedSeconds) => metrics.orphanTerminated({ region: name, livedSeconds }),
      sweepSpared: (rule, count) => metrics.sweepSpared({ region: name, rule, count }),
      sweepHalted: () => metrics.sweepHalted({ region: name }),
      relaysRebuilt: (count) => metrics.relaysRebuilt({ region: name, count }),
      relaysLost: (count) => metrics.relaysLost({ region: name, count }),
    },
  } satisfies Partial<JobContext>;

  return async (job) => {
    const logger = options.logger.child({ job, region: name });
    const startedAt = performance.now();
    const finish = (status: 'ok' | 'error') =>
      metrics.jobRun({ job, status, durationMs: performance.now() - startedAt });
    try {
      const fence = await store.beginRun(name, job);
      await JOBS[job]({ ...shared, fence, logger });
      finish('ok');
    } catch (error) {
      if (error instanceof FencedError) {
        // Not a failure: the newer run does the work, and this one has changed nothing since it was overtaken.
        logger.warn('run overtaken by a newer one');
        finish('ok');
        return;
      }
      finish('error');
      logger.error('run failed', { error });
      throw error;
    }
  };
}
