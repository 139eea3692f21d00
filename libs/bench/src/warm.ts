// What a create takes that finds a warm relay. First at a steady pace with the whole product at work, which fills the pool
// and replaces what is handed out; then as many as two replicas of the api can hand out, one after the other, from a pool
// that was filled beforehand.
import { createSimControl } from '@aegis/ec2-sim';
import { type Stack, startStack } from '@aegis/local-stack';
import { Redis } from 'ioredis';
import type { Benchmark } from './benchmark.js';
import type { LoadRequest, LoadResult } from './load/load.js';
import { type Loader, startLoader } from './load/loader.js';
import { readOptions } from './read-options.js';
import { seedSpares } from './seed/seed-spares.js';
import { openStores } from './seed/stores.js';
import { CATALOGUE } from './simulated-catalogue.js';
import { median, rounded } from './statistics.js';
import { table } from './table.js';
import { untilInventory } from './until-inventory.js';
import { warmUp } from './warm-up.js';

const POOL_REGION = 'us-east-1';
/** Its pool is filled by hand. */
const SEEDED_REGION = 'eu-west-1';
/** Nothing of it is measured. */
const WARM_UP_REGION = 'ap-southeast-2';
const API_REPLICAS = 2;
/** Not counted: connections are opened and code is compiled. */
const WARM_UP_SHARE = 0.1;

const DEFAULTS = { rate: 100, pool: 1_000, claims: 10_000, rounds: 3, connections: 16 };
type Options = typeof DEFAULTS;

/** A warm relay comes with 201; a create that finds none is answered 202. */
function claimIn(region: string): LoadRequest {
  return {
    method: 'POST',
    paths: ['/api/v1/relays'],
    headers: { authorization: 'Bearer aegis-local-dev-key', 'content-type': 'application/json' },
    body: JSON.stringify({ region, leaseSeconds: 3600 }),
    status: 201,
  };
}

function startWarmStack(pool: number): Promise<Stack> {
  return startStack({
    apiReplicas: API_REPLICAS,
    simEnv: { AEGIS_SIM_BOOT_MS: '20' },
    env: {
      AEGIS_REGIONS: JSON.stringify([
        { name: POOL_REGION, ...CATALOGUE, warmPool: { size: pool } },
        { name: SEEDED_REGION, ...CATALOGUE, warmPool: { size: 1 } },
        { name: WARM_UP_REGION, ...CATALOGUE },
      ]),
      // Production's own pace; the local stack's is faster.
      AEGIS_RELAYS_HEARTBEAT_INTERVAL_SECONDS: '10',
      AEGIS_RELAYS_HEARTBEAT_TIMEOUT_SECONDS: '60',
    },
  });
}

interface Bench {
  stack: Stack;
  redis: Redis;
  loader: Loader;
  options: Options;
}

/** The product at work: its own pool, its own refills, agents that report. */
async function claimAtRate({ stack, redis, loader, options }: Bench): Promise<{ paced: LoadResult; ids: string[] }> {
  const { rate, pool, connections } = options;
  const { front } = openStores(redis, POOL_REGION);
  await untilInventory(front, POOL_REGION, ({ warmReady }) => warmReady === pool);
  await warmUp(stack, WARM_UP_REGION);
  const order = { urls: stack.api.map(({ url }) => url), request: claimIn(POOL_REGION), connections, keepIds: true };
  const claim = (requests: number) => loader.load({ ...order, amount: { requests }, rate });
  const opening = await claim(Math.ceil(pool * WARM_UP_SHARE));
  const paced = await claim(Math.floor(pool * (1 - 2 * WARM_UP_SHARE)));
  return { paced, ids: [...opening.ids, ...paced.ids] };
}

/** No jobs, no EC2: they would tag what is handed out and give back what is too many. */
async function claimAsFastAsCanBe(bench: Bench): Promise<{ rounds: LoadResult[]; ids: string[] }> {
  const { stack, redis, loader, options } = bench;
  const stores = openStores(redis, SEEDED_REGION);
  await untilInventory(stores.front, SEEDED_REGION, ({ warmReady }) => warmReady === 1);
  await Promise.all([...stack.jobs, stack.sim].map((part) => part.stop()));
  const rounds: LoadResult[] = [];
  for (let round = 0; round < options.rounds; round += 1) {
    await seedSpares(stores, SEEDED_REGION, options.claims);
    rounds.push(
      await loader.load({
        urls: stack.api.map(({ url }) => url),
        request: claimIn(SEEDED_REGION),
        connections: options.connections,
        amount: { requests: options.claims },
        keepIds: true,
      }),
    );
  }
  return { rounds, ids: rounds.flatMap(({ ids }) => ids) };
}

function checkAllDifferent(ids: readonly string[]): void {
  const different = new Set(ids).size;
  if (different !== ids.length) throw new Error(`${ids.length - different} relays went to two claimants`);
}

export const warm: Benchmark = async ({ print, args }) => {
  const options = readOptions(args, DEFAULTS);
  const stack = await startWarmStack(options.pool);
  const redis = new Redis(stack.redisUrl);
  const loader = startLoader();
  try {
    const bench = { stack, redis, loader, options };
    const { paced, ids } = await claimAtRate(bench);
    const { throttled } = await launchesOf(stack);
    const fast = await claimAsFastAsCanBe(bench);
    const all = [...ids, ...fast.ids];
    checkAllDifferent(all);
    const claimsPerSecond = median(fast.rounds.map(({ rate }) => rate));
    const rows = [
      [`at ${options.rate} a second`, Math.round(paced.rate), paced.p50.toFixed(2), paced.p99.toFixed(2)],
      ...fast.rounds.map(({ rate, p50, p99 }, round) => [
        `as many as go, round ${round + 1}`,
        Math.round(rate),
        p50.toFixed(2),
        p99.toFixed(2),
      ]),
    ];
    print(`${API_REPLICAS} replicas of the api; POST sent to 201 with the active relay, milliseconds`);
    for (const line of table(['', 'claims/s', 'p50', 'p99'], rows)) print(line);
    print(`  ${all.length} claims, ${new Set(all).size} different relays, ${throttled} throttled calls`);
    return {
      p50_ms: rounded(paced.p50),
      p99_ms: rounded(paced.p99),
      claims_per_s: Math.round(claimsPerSecond),
      claims: all.length,
      claimed_twice: all.length - new Set(all).size,
    };
  } finally {
    await loader.stop();
    redis.disconnect();
    await stack.stop();
  }
};

async function launchesOf(stack: Stack): Promise<{ throttled: number }> {
  const outcomes = Object.values((await createSimControl(stack.sim.url).counts())[POOL_REGION] ?? {});
  return { throttled: outcomes.reduce((sum, each) => sum + (each.RequestLimitExceeded ?? 0), 0) };
}
