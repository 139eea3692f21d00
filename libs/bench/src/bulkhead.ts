// What one region's trouble does to the others: the time from a create to its RunInstances call in healthy regions, at
// rest, while another region has a backlog of thousands, and while that region's EC2 answers nothing at all.
import { setTimeout as delay } from 'node:timers/promises';
import { EC2_THROTTLE_BUCKETS } from '@aegis/ec2';
import { createSimControl, type SimControl } from '@aegis/ec2-sim';
import { startStack } from '@aegis/local-stack';
import { Redis } from 'ioredis';
import { type ApiClient, createApiClient } from './api-client.js';
import type { Benchmark } from './benchmark.js';
import { readOptions } from './read-options.js';
import { openStores } from './seed/stores.js';
import { CATALOGUE } from './simulated-catalogue.js';
import { percentile, rounded } from './statistics.js';
import { table } from './table.js';
import { untilInventory } from './until-inventory.js';

const TROUBLED = 'us-east-1';
/** They take turns, so that EC2's two launches a second of each are not what is measured. */
const HEALTHY = [
  'us-west-1',
  'us-west-2',
  'eu-west-1',
  'eu-west-2',
  'eu-central-1',
  'eu-north-1',
  'ap-southeast-2',
  'ap-northeast-1',
];
const PACE_MS = 75;
const CONNECTIONS = 32;
/** Until the last create's call is sure to have been sent. */
const LAST_CALL_MS = 1_000;

function unixMs(): number {
  return performance.timeOrigin + performance.now();
}

/** Creates one after the other in the healthy regions; how long each took to reach EC2, in milliseconds. */
async function triggers(api: ApiClient, sim: SimControl, creates: number): Promise<number[]> {
  const { lastSeq } = await sim.calls({ limit: 0 });
  const sentAt = new Map(HEALTHY.map((region) => [region, [] as number[]]));
  for (let create = 0; create < creates; create += 1) {
    const region = HEALTHY[create % HEALTHY.length] ?? '';
    sentAt.get(region)?.push(unixMs());
    await Promise.all([api.create({ region }), delay(PACE_MS)]);
  }
  await delay(LAST_CALL_MS);
  const latencies: number[] = [];
  for (const [region, sent] of sentAt) {
    const { calls } = await sim.calls({ after: lastSeq, operation: 'RunInstances', region });
    if (calls.length !== sent.length) throw new Error(`${calls.length} RunInstances calls for ${sent.length} creates`);
    latencies.push(...calls.map(({ at }, index) => at - (sent[index] ?? at)));
  }
  return latencies;
}

export const bulkhead: Benchmark = async ({ print, args }) => {
  const { creates, warmup, backlog } = readOptions(args, { creates: 400, warmup: 80, backlog: 5_000 });
  const stack = await startStack({
    simEnv: { AEGIS_SIM_BOOT_MS: '20' },
    env: {
      AEGIS_REGIONS: JSON.stringify([TROUBLED, ...HEALTHY].map((name) => ({ name, ...CATALOGUE }))),
      // Hundreds of booted relays must not be heard in the measurement.
      AEGIS_RELAYS_HEARTBEAT_INTERVAL_SECONDS: '600',
      AEGIS_RELAYS_HEARTBEAT_TIMEOUT_SECONDS: '3600',
      AEGIS_RELAYS_SILENCE_LIMIT_SECONDS: '3600',
      AEGIS_RELAYS_PENDING_TIMEOUT_SECONDS: '3600',
    },
  });
  const api = createApiClient(stack.apiUrl, CONNECTIONS);
  const redis = new Redis(stack.redisUrl);
  try {
    const sim = createSimControl(stack.sim.url);
    const { front } = openStores(redis, TROUBLED);
    await triggers(api, sim, warmup);
    const rest = await triggers(api, sim, creates);

    await Promise.all(Array.from({ length: backlog }, () => api.create({ region: TROUBLED })));
    // The simulator is EC2 and a thousand machines in one process, which stands still for up to a second while they all boot:
    // calls of the healthy regions would be seen late that left in time.
    const launched = Math.min(backlog, EC2_THROTTLE_BUCKETS.run_instances.instances?.capacity ?? backlog);
    await untilInventory(front, TROUBLED, ({ counts }) => counts.active >= launched);
    const waitingBefore = (await front.inventory(TROUBLED)).counts.pending;
    const withBacklog = await triggers(api, sim, creates);
    const waitingAfter = (await front.inventory(TROUBLED)).counts.pending;

    await sim.fault({ operation: '*', region: TROUBLED, count: null, kind: { type: 'hang' } });
    const withOutage = await triggers(api, sim, creates);
    await sim.clearFaults();

    const p99 = (times: readonly number[]) => percentile(times, 99);
    const row = (name: string, times: readonly number[]) => [
      name,
      ...[50, 90, 99, 100].map((percent) => percentile(times, percent).toFixed(2)),
      (p99(times) / p99(rest)).toFixed(2),
    ];
    print(`POST sent to RunInstances arriving in healthy regions, ${creates} creates each, milliseconds`);
    const rows = [
      row('at rest', rest),
      row(`${backlog} asked for elsewhere (${waitingBefore} to ${waitingAfter} wait)`, withBacklog),
      row('and EC2 hangs there', withOutage),
    ];
    for (const line of table(['', 'p50', 'p90', 'p99', 'p100', 'p99 ratio'], rows)) print(line);
    return {
      rest_p99_ms: rounded(p99(rest)),
      backlog_p99_ms: rounded(p99(withBacklog)),
      outage_p99_ms: rounded(p99(withOutage)),
      backlog_ratio: rounded(p99(withBacklog) / p99(rest)),
      outage_ratio: rounded(p99(withOutage) / p99(rest)),
    };
  } finally {
    await api.close();
    redis.disconnect();
    await stack.stop();
  }
};
