import { join } from 'node:path';
import { createSimControl, type SimControl } from '@aegis/ec2-sim';
import type { ManagedProcess, Stack } from '@aegis/local-stack';
import { Redis } from 'ioredis';
import { TENANTS } from './chaos-settings.js';
import { type CloudHistory, createCloudHistory } from './cloud-history.js';
import { createFailoverClient, type FailoverClient } from './failover-client.js';
import type { Flush } from './judge-survey.js';
import { createRelayBook, type RelayBook } from './relay-book.js';
import { type SpareWatch, watchSpares } from './spare-watch.js';

/** The running stack, its clients, and all that is known of what happened to it. */
export interface ChaosWorld {
  readonly stack: Stack;
  readonly sim: SimControl;
  readonly clients: ReadonlyMap<string, FailoverClient>;
  readonly book: RelayBook;
  readonly history: CloudHistory;
  readonly spares: SpareWatch;
  readonly flushes: Flush[];
  readonly counts: { creates: number; deletes: number; claimed: number; reissued: number };
  /** How often each operation was answered with what. */
  readonly answers: ReadonlyMap<string, number>;
  readonly processes: readonly ManagedProcess[];
  newKey(): string;
  flush(quiet: boolean): Promise<void>;
  logFile(name: string): string;
}

const FLUSH_TIMEOUT_MS = 10_000;

export function createChaosWorld(stack: Stack, seed: number): ChaosWorld {
  const sim = createSimControl(stack.sim.url);
  const answers = new Map<string, number>();
  const onAnswer = (operation: string, outcome: string): void => {
    const name = `${operation} ${outcome}`;
    answers.set(name, (answers.get(name) ?? 0) + 1);
  };
  const urls = stack.api.map(({ url }) => url);
  const flushes: Flush[] = [];
  let keys = 0;
  return {
    stack,
    sim,
    clients: new Map(TENANTS.map(({ name, key }) => [name, createFailoverClient({ urls, key, onAnswer })])),
    book: createRelayBook(),
    history: createCloudHistory(sim),
    spares: watchSpares(stack.redisUrl),
    flushes,
    counts: { creates: 0, deletes: 0, claimed: 0, reissued: 0 },
    answers,
    processes: [...stack.api, ...stack.jobs, stack.sim, ...(stack.redis ? [stack.redis] : [])],
    newKey() {
      keys += 1;
      return `chaos-${seed}-${keys}`;
    },
    async flush(quiet) {
      const startedAt = Date.now();
      await flushAll(stack.redisUrl);
      flushes.push({ startedAt, endedAt: Date.now(), quiet });
    },
    logFile: (name) => join(stack.dir, 'logs', `${name}.log`),
  };
}

/** Over a connection of its own, which waits for a Redis that is down or frozen. */
async function flushAll(url: string): Promise<void> {
  const redis = new Redis(url, { lazyConnect: true, maxRetriesPerRequest: null, retryStrategy: () => 100 });
  redis.on('error', () => {
    // It is tried again until the time is up.
  });
  const timeout = setTimeout(() => redis.disconnect(), FLUSH_TIMEOUT_MS);
  try {
    await redis.flushall();
  } finally {
    clearTimeout(timeout);
    redis.disconnect();
  }
}
