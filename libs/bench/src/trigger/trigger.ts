// How long a create at rest takes from sending the POST to its RunInstances call arriving at EC2, beside the least that the
// same parts need for it: Express that stores a relay and adds it to BullMQ, a worker that reads it, stores that it is about
// to launch and calls through the SDK. They take turns in one run. At rest means that EC2's bucket of two RunInstances a
// second, which jobs keeps to, is not in the way.
import { setTimeout as delay } from 'node:timers/promises';
import { createSimControl, DEFAULT_REGIONS, type SimControl } from '@aegis/ec2-sim';
import { startStack } from '@aegis/local-stack';
import { Pool } from 'undici';
import { createApiClient } from '../api-client.js';
import type { Benchmark } from '../benchmark.js';
import { startChild } from '../load/child.js';
import { readOptions } from '../read-options.js';
import { CATALOGUE } from '../simulated-catalogue.js';
import { percentile, rounded } from '../statistics.js';
import { table } from '../table.js';
import { warmUp } from '../warm-up.js';

const OURS = 'us-east-1';
const BARE = 'us-west-2';
/** Where nothing is launched at all. */
const FROZEN = 'eu-west-1';
const WARM_UP = DEFAULT_REGIONS.filter((region) => ![OURS, BARE, FROZEN].includes(region));
/** Of each side. */
const PACE_MS = 560;
const TIMEOUT_MS = 10_000;
/** Until both regions of the measurement have their connections. */
const FIRST = 5;

type Create = (region: string) => Promise<unknown>;

function unixMs(): number {
  return performance.timeOrigin + performance.now();
}

/** Milliseconds from the POST to the call. */
async function measure(create: Create, region: string, sim: SimControl): Promise<number> {
  const { lastSeq } = await sim.calls({ limit: 0 });
  // Long after the question, and long before the next one: looking must not take the processor from what is measured.
  await delay(PACE_MS / 4);
  const sentAt = unixMs();
  await Promise.all([create(region), delay(PACE_MS / 4)]);
  const deadline = performance.now() + TIMEOUT_MS;
  for (;;) {
    const { calls } = await sim.calls({ after: lastSeq, operation: 'RunInstances', region });
    if (calls.length > 1) throw new Error(`${calls.length} RunInstances calls for one create`);
    const [call] = calls;
    if (call !== undefined) return call.at - sentAt;
    if (performance.now() > deadline) throw new Error(`no RunInstances call ${TIMEOUT_MS} ms after a create`);
    await delay(PACE_MS / 8);
  }
}

/** Launches beside each other in many regions: EC2's limit is one of a region, and the code that launches runs hot. */
async function warmUpLaunches(creates: readonly Create[], rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round += 1) {
    await Promise.all([...creates.flatMap((create) => WARM_UP.map(create)), delay(PACE_MS)]);
  }
}

export const trigger: Benchmark = async ({ print, args }) => {
  const { creates, warmup } = readOptions(args, { creates: 200, warmup: 60 });
  const stack = await startStack({
    simEnv: { AEGIS_SIM_BOOT_MS: '20' },
    env: {
      AEGIS_REGIONS: JSON.stringify([OURS, FROZEN, ...WARM_UP].map((name) => ({ name, ...CATALOGUE }))),
      // Hundreds of booted relays must not be heard in the measurement.
      AEGIS_RELAYS_HEARTBEAT_INTERVAL_SECONDS: '600',
      AEGIS_RELAYS_HEARTBEAT_TIMEOUT_SECONDS: '3600',
      AEGIS_RELAYS_SILENCE_LIMIT_SECONDS: '3600',
    },
  });
  const api = createApiClient(stack.apiUrl);
  const bareApi = startChild('trigger/bare-api-process', [stack.redisUrl]);
  const bareJobs = startChild('trigger/bare-jobs-process', [stack.redisUrl, stack.sim.url]);
  let pool: Pool | undefined;
  try {
    const [{ url }] = await Promise.all([bareApi.next<{ url: string }>(), bareJobs.next()]);
    const bareClient = new Pool(url);
    pool = bareClient;
    const sim = createSimControl(stack.sim.url);
    const ours: Create = (region) => api.create({ region });
    const bare: Create = async (region) => {
      const headers = { 'content-type': 'application/json' };
      const answer = await bareClient.request({
        method: 'POST',
        path: '/relays',
        headers,
        body: JSON.stringify({ region }),
      });
      await answer.body.dump();
    };
    await warmUp(stack, FROZEN);
    await warmUpLaunches([ours, bare], warmup);

    const samples: Record<'ours' | 'bare', number[]> = { ours: [], bare: [] };
    for (let count = -FIRST; count < creates; count += 1) {
      const taken = { ours: await measure(ours, OURS, sim), bare: await measure(bare, BARE, sim) };
      if (count < 0) continue;
      samples.ours.push(taken.ours);
      samples.bare.push(taken.bare);
    }
    const figures = (times: readonly number[]) => [0, 50, 90, 99, 100].map((percent) => percentile(times, percent));
    print(`POST sent to RunInstances arriving, ${creates} creates of each at rest, milliseconds`);
    const row = (name: string, times: readonly number[]) => [name, ...figures(times).map((time) => time.toFixed(2))];
    const rows = [row('aegis', samples.ours), row('bare', samples.bare)];
    for (const line of table(['', 'p0', 'p50', 'p90', 'p99', 'p100'], rows)) print(line);
    const of = (side: keyof typeof samples, percent: number) => rounded(percentile(samples[side], percent));
    return {
      creates,
      p50_ms: of('ours', 50),
      p99_ms: of('ours', 99),
      bare_p50_ms: of('bare', 50),
      bare_p99_ms: of('bare', 99),
      p50_ratio: rounded(percentile(samples.ours, 50) / percentile(samples.bare, 50)),
    };
  } finally {
    await Promise.all([api.close(), pool?.close(), bareApi.stop(), bareJobs.stop()]);
    await stack.stop();
  }
};
