// Hundreds of relays asked for at once in one region, under EC2's documented throttle and with instances that boot in no
// time: what is left is the way a system uses EC2's api. Ours against one workflow per relay.
import { startStack } from '@aegis/local-stack';
import type { Benchmark } from '../benchmark.js';
import { readOptions } from '../read-options.js';
import { rounded } from '../statistics.js';
import { table } from '../table.js';
import { runBaseline } from './run-baseline.js';
import { runProduct } from './run-product.js';
import type { Side } from './side.js';

const DEFAULTS = { relays: 500, baseline: 500, jobs: 1 };

export const burst: Benchmark = async ({ print, args }) => {
  const { relays, baseline, jobs } = readOptions(args, DEFAULTS);
  const stack = await startStack({
    jobsReplicas: jobs,
    simEnv: { AEGIS_SIM_BOOT_MS: '0', AEGIS_SIM_THROTTLE: 'on' },
    // Production's own pace; the local stack's is faster.
    env: { AEGIS_RELAYS_HEARTBEAT_INTERVAL_SECONDS: '10', AEGIS_RELAYS_HEARTBEAT_TIMEOUT_SECONDS: '60' },
  });
  try {
    const ours = await runProduct(stack, relays);
    // The baseline keeps its machine for itself.
    await Promise.all([...stack.api, ...stack.jobs].map((app) => app.stop()));
    print(`ours is done; the baseline takes about ${Math.max(1, Math.round((baseline - 5) / 2))} s and more`);
    const theirs = await runBaseline(stack.sim.url, baseline);
    for (const line of table(['', 'ours', 'baseline'], rows(ours, theirs))) print(line);
    if (baseline < relays) print('  the baseline ran fewer relays than ours: the speed-up understates');
    return {
      active_s: rounded(ours.activeSeconds),
      gone_s: rounded(ours.goneSeconds),
      baseline_active_s: rounded(theirs.activeSeconds),
      baseline_gone_s: rounded(theirs.goneSeconds),
      speedup: rounded(theirs.activeSeconds / ours.activeSeconds, 1),
      calls_per_relay: rounded(ours.calls.total / ours.relays, 4),
      baseline_calls_per_relay: rounded(theirs.calls.total / theirs.relays),
      throttled: ours.calls.throttled,
      baseline_throttled: theirs.calls.throttled,
    };
  } finally {
    await stack.stop();
  }
};

function rows(ours: Side, theirs: Side): (string | number)[][] {
  const sides = [ours, theirs];
  const operations = new Set(sides.flatMap(({ calls }) => [...calls.byOperation.keys()]));
  return [
    ['relays', ...sides.map(({ relays }) => relays)],
    ['all active, s', ...sides.map(({ activeSeconds }) => activeSeconds.toFixed(2))],
    ['all gone, s', ...sides.map(({ goneSeconds }) => goneSeconds.toFixed(2))],
    ...[...operations].map((operation) => [
      operation,
      ...sides.map(({ calls }) => calls.byOperation.get(operation) ?? 0),
    ]),
    ['calls per relay', ...sides.map(({ calls, relays }) => (calls.total / relays).toFixed(3))],
    ['throttled calls', ...sides.map(({ calls }) => calls.throttled)],
  ];
}
