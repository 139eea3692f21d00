import { randomInt, randomUUID } from 'node:crypto';
import { Writable } from 'node:stream';
import { type AegisConfig, loadConfig, type RegionConfig } from '@aegis/config';
import { type CloudProvider, createEc2Provider } from '@aegis/ec2';
import {
  createSimControl,
  type Ec2Simulator,
  type SimControl,
  type SimInstance,
  startEc2Simulator,
} from '@aegis/ec2-sim';
import { connectTestRedis, deleteKeys, waitFor } from '@aegis/local-stack';
import { createLogger } from '@aegis/logging';
import { createMetrics, type Metrics, Registry } from '@aegis/metrics';
import type { JobName, RegionQueue } from '@aegis/queues';
import {
  createRedisFleetStore,
  createRedisRelayStore,
  type FleetStore,
  newRelayId,
  type RedisClient,
  type Relay,
  type RelayFrontStore,
  relayTiming,
} from '@aegis/relays';
import { createRegionRunner, type RegionRunner } from '../region-runner.js';

/** One region of its own: real store on real Redis, real SDK against a simulator, a clock that tests can move. */
export interface RegionWorld {
  readonly region: string;
  /** Of the tests themselves. */
  readonly redis: RedisClient;
  readonly front: RelayFrontStore;
  readonly fleet: FleetStore;
  readonly cloud: CloudProvider;
  readonly sim: SimControl;
  readonly config: AegisConfig;
  readonly metrics: Metrics;
  /** What runs triggered, in order; nothing runs by itself. */
  readonly triggered: JobName[];
  now(): number;
  advance(ms: number): void;
  /** A worker of its own, as another process would have it. */
  worker(parts?: WorkerParts): RegionRunner;
  create(count: number): Promise<Relay[]>;
  /** One create of a tenant, with what came of it: the warm pool may answer it. */
  claim(tenant?: string): ReturnType<RelayFrontStore['create']>;
  /** A tenant's, acme's if none is named; those of '' are the spares. */
  relays(tenant?: string): Promise<Relay[]>;
  /** EC2's own truth. */
  instances(): Promise<SimInstance[]>;
  liveInstances(): Promise<SimInstance[]>;
  checkInAll(tenant?: string): Promise<void>;
  /** All that the store holds of the region is gone; EC2 is not. */
  loseStore(): Promise<void>;
  /** Store and EC2 are as on the first day; the clock is not. */
  startOver(): Promise<void>;
  /** Somebody ends these instances, and EC2 shows them no more. */
  forget(instanceIds: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

/** What a worker has instead of the world's own. */
export interface WorkerParts {
  store?: FleetStore;
  cloud?: CloudProvider;
  queue?: Pick<RegionQueue, 'trigger'>;
  now?: () => number;
  sleep?: (ms: number) => Promise<void>;
}

const IDENTITY = { credentials: { accessKeyId: 'test', secretAccessKey: 'test' } };
const QUIET_LOG = new Writable({ write: (_chunk, _encoding, done) => done() });

export async function createRegionWorld(
  settings: Parameters<SimControl['changeSettings']>[0] = {},
  regionSettings: Partial<RegionConfig> = {},
): Promise<RegionWorld> {
  const region = randomRegion();
  const config = testConfig(region, regionSettings);
  const simulator: Ec2Simulator = await startEc2Simulator({
    regions: [region],
    settings: { bootMs: 0, shutdownMs: 0, agents: false, throttle: false, ...settings },
  });
  const sim = createSimControl(simulator.url);
  const redis = connectTestRedis();
  const apiRedis = connectTestRedis('api');
  const jobsRedis = connectTestRedis('jobs');
  const timing = relayTiming(config.relays);
  const front = createRedisRelayStore({ redis: apiRedis, regions: [region], timing });
  const fleet = createRedisFleetStore({ redis: jobsRedis, timing, newToken: randomUUID });
  const metrics = createMetrics({ registry: new Registry(), app: 'jobs', version: '0', regions: [region] });
  const cloud = createEc2Provider({
    regions: [region],
    endpoint: simulator.url,
    ...IDENTITY,
    maxAttempts: 1,
    deadlineMs: 5_000,
    throttleBudget: 'off',
    observer: {
      operation: (event) => metrics.awsOperation(event),
      retry: (event) => metrics.awsRetry(event),
      retryExhausted: (event) => metrics.awsRetryExhausted(event),
    },
  });
  let offset = 0;
  const now = () => Date.now() + offset;
  const triggered: JobName[] = [];
  const regionConfig = config.regions[0];
  if (!regionConfig) throw new Error('the test configuration has no region');
  const create = (tenant: string, maxLifetimeSeconds: number) => {
    const id = newRelayId(region, now(), randomInt);
    const request = { id, tenant, region, labels: {}, leaseSeconds: 600, maxLifetimeSeconds };
    return front.create({ ...request, now: now() });
  };
  const relays = async (tenant = 'acme') => {
    const page = await front.list({ tenant, regions: [region], limit: 200 });
    return page.outcome === 'page' ? page.relays : [];
  };
  const instances = () => sim.instances({ region });
  const loseStore = () => deleteKeys(redis, `{aegis:${region}}*`);

  return {
    region,
    redis,
    front,
    fleet,
    cloud,
    sim,
    config,
    metrics,
    triggered,
    now,
    advance(ms) {
      offset += ms;
    },
    worker: (parts = {}) =>
      createRegionRunner({
        region: regionConfig,
        config,
        store: parts.store ?? fleet,
        cloud: parts.cloud ?? cloud,
        queue: parts.queue ?? {
          trigger: async (job) => {
            triggered.push(job);
          },
        },
        metrics,
        logger: createLogger({ level: 'error', app: 'jobs', stream: QUIET_LOG }),
        now: parts.now ?? now,
        sleep:
          parts.sleep ??
          (async (ms) => {
            offset += ms;
          }),
      }),
    create: (count) => Promise.all(Array.from({ length: count }, async () => (await create('acme', 86_400)).relay)),
    claim: (tenant = 'acme') => create(tenant, 3_600),
    relays,
    instances,
    liveInstances: async () => (await instances()).filter(({ state }) => state === 'pending' || state === 'running'),
    async checkInAll(tenant) {
      for (const { instanceId, intentId, state } of await relays(tenant)) {
        if (state === 'booting' && instanceId && intentId)
          await front.checkIn({ region, intentId, instanceId, now: now() });
      }
    },
    loseStore,
    async startOver() {
      await loseStore();
      await sim.reset();
    },
    async forget(instanceIds) {
      await sim.terminateOutside(instanceIds);
      await waitFor('EC2 to have forgotten them', 15_000, async () => {
        await sim.purge();
        return (await instances()).every(({ id }) => !instanceIds.includes(id));
      });
    },
    async close() {
      cloud.close();
      await loseStore();
      await Promise.all([redis, apiRedis, jobsRedis].map((client) => client.quit()));
      await simulator.stop();
    },
  };
}

/** In the form of AWS' names: a configuration takes no other. */
function randomRegion(): string {
  const letters = Array.from({ length: 12 }, () => String.fromCharCode(97 + randomInt(26))).join('');
  return `us-${letters}-1`;
}

function testConfig(region: string, settings: Partial<RegionConfig>): AegisConfig {
  const regions = [
    {
      name: region,
      imageId: 'ami-0abcdef1234567890',
      instanceTypes: ['t3.micro', 't3.small'],
      subnetIds: ['subnet-0123456789abcdef0'],
      securityGroupIds: ['sg-0123456789abcdef0'],
      ...settings,
    },
  ];
  return loadConfig({
    env: { AEGIS_ENV: 'local', AEGIS_REGIONS: JSON.stringify(regions), AEGIS_SWEEP_GRACE_SECONDS: '5' },
  });
}
