// How long a create at rest takes from sending the POST to its RunInstances call arriving at EC2. At rest means that the
// relay before it is active and that EC2's bucket of two RunInstances a second, which jobs keeps to, is not in the way.
import { setTimeout as delay } from 'node:timers/promises';
import { createSimControl, type SimControl } from '@aegis/ec2-sim';
import { startStack } from '@aegis/local-stack';
import { type ApiClient, createApiClient } from './api-client.js';
import type { Benchmark } from './benchmark.js';
import { readOptions } from './read-options.js';
import { percentile, rounded } from './statistics.js';
import { warmUp } from './warm-up.js';

const TIMEOUT_MS = 10_000;
const POLL_MS = 5;
const PACE_MS = 550;
/** Long past the call that is measured, so that looking does not take the processor from it. */
const FIRST_LOOK_MS = 250;

async function becomesActive(api: ApiClient, id: string): Promise<void> {
  const deadline = performance.now() + TIMEOUT_MS;
  while (performance.now() < deadline) {
    if ((await api.relay(id)).state === 'active') return;
    await delay(POLL_MS);
  }
  throw new Error(`${id} was not active after ${TIMEOUT_MS} ms`);
}

function unixMs(): number {
  return performance.timeOrigin + performance.now();
}

async function createAtRest(api: ApiClient, sim: SimControl): Promise<number> {
  const { lastSeq } = await sim.calls({ limit: 0 });
  const sentAt = unixMs();
  const { id } = await api.create();
  await delay(FIRST_LOOK_MS);
  await becomesActive(api, id);
  const { calls } = await sim.calls({ after: lastSeq, operation: 'RunInstances' });
  const [call] = calls;
  if (call === undefined || calls.length > 1) throw new Error(`${calls.length} RunInstances calls for one create`);
  return call.at - sentAt;
}

export const trigger: Benchmark = async ({ print, args }) => {
  // The warm-up is not counted: connections are opened and code is compiled.
  const { creates, warmup } = readOptions(args, { creates: 200, warmup: 10 });
  const stack = await startStack({
    simEnv: { AEGIS_SIM_BOOT_MS: '20' },
    // Hundreds of booted relays must not be heard in the measurement.
    env: {
      AEGIS_RELAYS_HEARTBEAT_INTERVAL_SECONDS: '600',
      AEGIS_RELAYS_HEARTBEAT_TIMEOUT_SECONDS: '3600',
      AEGIS_RELAYS_SILENCE_LIMIT_SECONDS: '3600',
    },
  });
  const api = createApiClient(stack.apiUrl);
  try {
    const sim = createSimControl(stack.sim.url);
    await warmUp(stack, 'eu-west-1');
    const samples: number[] = [];
    for (let create = -warmup; create < creates; create += 1) {
      const [latency] = await Promise.all([createAtRest(api, sim), delay(PACE_MS)]);
      if (create >= 0) samples.push(latency);
    }
    print(`POST sent to RunInstances arriving, ${samples.length} sequential creates, milliseconds`);
    for (const percent of [0, 50, 90, 99, 100]) {
      print(`  p${String(percent).padEnd(4)}${percentile(samples, percent).toFixed(2).padStart(8)}`);
    }
    return {
      creates: samples.length,
      p50_ms: rounded(percentile(samples, 50)),
      p99_ms: rounded(percentile(samples, 99)),
    };
  } finally {
    await api.close();
    await stack.stop();
  }
};
