import { setMaxListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { DescribeInstancesCommand, type EC2ClientConfig } from '@aws-sdk/client-ec2';
import { CallBudget, type Spending } from './call-budget.js';
import type { Clock } from './clock.js';
import type { CallOptions, CloudProvider } from './cloud-provider.js';
import { createInstanceLauncher } from './instance-launcher.js';
import { createInstanceReader } from './instance-reader.js';
import { createInstanceTagger } from './instance-tagger.js';
import { createInstanceTerminator } from './instance-terminator.js';
import type { ProviderObserver } from './provider-observer.js';
import { RegionClient } from './region-client.js';

export interface Ec2ProviderOptions {
  regions: readonly string[];
  observer: ProviderObserver;
  /** Of every region; by default what the SDK finds for itself (`AWS_ENDPOINT_URL_EC2`, then AWS). */
  endpoint?: string;
  /** By default the SDK's own chain. */
  credentials?: NonNullable<EC2ClientConfig['credentials']>;
  /** Longest time of one call to AWS (one page of a listing) with all its attempts; 30 s. */
  deadlineMs?: number;
  /** Attempts of one call, the first included; 3. */
  maxAttempts?: number;
  /** Longest time of one attempt; by default what lets all attempts fit the deadline. */
  attemptTimeoutMs?: number;
  connectTimeoutMs?: number;
  /** Connections a region may hold open; 16. */
  maxSockets?: number;
  /** Instances a page of a listing holds, 5 to 1000; 1000. */
  pageSize?: number;
  /** Longest wait before a call AWS would throttle; 5 s. `off` leaves throttling to AWS. */
  throttleBudget?: { maxWaitMs: number } | 'off';
  /** Hears of everything that is taken from a region's throttle buckets; `noteSpending` of others tells them. */
  onSpent?: (region: string, spending: Spending) => void;
  /**
   * Ends every call under way and makes no further one: the process is about to end. What a call would have done is
   * then unknown, as with any time-out. A call's own signal takes its place.
   */
  signal?: AbortSignal;
  clock?: Clock;
  sleep?: (ms: number, signal?: AbortSignal) => Promise<void>;
}

const DEFAULT_DEADLINE_MS = 30_000;
const DEFAULT_MAX_ATTEMPTS = 3;
const DEFAULT_CONNECT_TIMEOUT_MS = 3_000;
const DEFAULT_MAX_SOCKETS = 16;
const DEFAULT_PAGE_SIZE = 1000;
const DEFAULT_MAX_WAIT_MS = 5_000;
/** Share of the deadline for attempts; the rest is for the waits between them. */
const ATTEMPTS_SHARE = 0.8;

/** One provider for all configured regions; asking for another region is a fault of the caller (RangeError). */
export function createEc2Provider(options: Ec2ProviderOptions): CloudProvider {
  // Every call under way listens to it: any number of listeners is no leak.
  if (options.signal) setMaxListeners(0, options.signal);
  const clients = new Map(options.regions.map((region) => [region, createRegionClient(region, options)]));
  const clientOf = (region: string): RegionClient => {
    const client = clients.get(region);
    if (client === undefined) throw new RangeError(`Not a configured region: ${region}`);
    return client;
  };
  return {
    regions: [...clients.keys()],
    ...createInstanceLauncher(clientOf),
    ...createInstanceReader(clientOf, { pageSize: options.pageSize ?? DEFAULT_PAGE_SIZE }),
    ...createInstanceTerminator(clientOf),
    ...createInstanceTagger(clientOf),
    noteSpending: (region, spending) => clients.get(region)?.budget?.take(spending),
    warmUp: (region, callOptions) => warmUp(clientOf(region), callOptions),
    close: () => {
      for (const client of clients.values()) client.close();
    },
  };
}

function createRegionClient(region: string, options: Ec2ProviderOptions): RegionClient {
  const clock = options.clock ?? { now: () => performance.now() };
  const deadlineMs = options.deadlineMs ?? DEFAULT_DEADLINE_MS;
  const maxAttempts = options.maxAttempts ?? DEFAULT_MAX_ATTEMPTS;
  const attemptTimeoutMs = options.attemptTimeoutMs ?? Math.floor((deadlineMs * ATTEMPTS_SHARE) / maxAttempts);
  const throttle = options.throttleBudget ?? { maxWaitMs: DEFAULT_MAX_WAIT_MS };
  return new RegionClient({
    region,
    ...(options.endpoint === undefined ? {} : { endpoint: options.endpoint }),
    ...(options.credentials === undefined ? {} : { credentials: options.credentials }),
    deadlineMs,
    attemptTimeoutMs,
    connectTimeoutMs: Math.min(options.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS, attemptTimeoutMs),
    maxAttempts,
    maxSockets: options.maxSockets ?? DEFAULT_MAX_SOCKETS,
    observer: options.observer,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    clock,
    budget:
      throttle === 'off'
        ? null
        : new CallBudget({
            clock,
            sleep: options.sleep ?? sleep,
            ...throttle,
            onSpent: (spending) => options.onSpent?.(region, spending),
          }),
  });
}

async function warmUp(client: RegionClient, { signal }: CallOptions = {}): Promise<void> {
  const command = new DescribeInstancesCommand({
    Filters: [{ Name: 'instance-state-name', Values: ['pending'] }],
    MaxResults: 5,
  });
  await client.call({ op: 'describe_instances', command, signal });
}

async function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  await delay(ms, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
}
