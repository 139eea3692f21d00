import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { WARM_POOL } from './chaos-settings.js';
import { startChaosStack } from './chaos-stack.js';
import { type ChaosWorld, createChaosWorld } from './chaos-world.js';
import { explain } from './explain.js';
import { describeFault } from './fault.js';
import { type Finding, VIOLATIONS, type Violation } from './judge-survey.js';
import { percentile } from './percentile.js';
import { planRound, type RoundPlan } from './plan-round.js';
import { type RoundResult, runRound, SETTLE_TIMEOUT_MS } from './run-round.js';

export interface ChaosOptions {
  rounds: number;
  seed: number;
  /** One line for whoever watches. */
  print(line: string): void;
  signal: AbortSignal;
}

/** The result; every figure from `leaked` to `deserted` must be 0. */
export interface ChaosReport extends Record<Violation, number> {
  rounds: number;
  seed: number;
  /** Acknowledged. */
  creates: number;
  deletes: number;
  /** Processes killed. */
  crashes: number;
  faults: number;
  /** Rounds after which the system did not come to rest in time. */
  unsettled: number;
  /** Processes that ended by themselves. */
  deserted: number;
  /** Creates that were handed a spare. */
  claimed: number;
  /** Requests repeated because a wipe of Redis had taken what it had acknowledged. */
  reissued: number;
  settle_p95_s: number;
}

export function failed(report: ChaosReport): boolean {
  return report.unsettled > 0 || report.deserted > 0 || VIOLATIONS.some((violation) => report[violation] > 0);
}

/** Starts the stack, runs the rounds and ends everything. The folder with the logs is kept when anything was wrong. */
export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const dir = await mkdtemp(join(tmpdir(), 'aegis-chaos-'));
  let keep = true;
  try {
    const stack = await startChaosStack(dir, options.signal);
    try {
      const world = createChaosWorld(stack, options.seed);
      try {
        const report = await runRounds(world, options);
        keep = failed(report);
        return report;
      } finally {
        world.spares.close();
      }
    } finally {
      await stack.stop();
    }
  } finally {
    if (keep && !options.signal.aborted) options.print(`logs are kept in ${join(dir, 'logs')}`);
    else await rm(dir, { recursive: true, force: true });
  }
}

async function runRounds(world: ChaosWorld, { rounds, seed, print, signal }: ChaosOptions): Promise<ChaosReport> {
  const report = emptyReport(seed);
  const settleTimes: number[] = [];
  const known = new Set<string>();
  const isKnown = (finding: Finding) => known.has(nameOf(finding));
  for (let round = 1; round <= rounds; round += 1) {
    signal.throwIfAborted();
    const plan = planRound(seed, round);
    print(`round ${round}: ${plan.quietFlush ? 'quiet FLUSHALL; ' : ''}${plan.faults.map(describeFault).join('; ')}`);
    const result = await runRound({ world, plan, seed, isKnown, signal });
    const named = new Map(result.findings.map((finding) => [nameOf(finding), finding]));
    const fresh = [...named.values()].filter((finding) => !isKnown(finding));
    for (const finding of fresh) {
      known.add(nameOf(finding));
      print(await explain(finding, plan, world));
    }
    for (const deserter of result.deserters) print(deserter);
    count(report, plan, result, fresh);
    if (result.afterMs !== null) settleTimes.push(result.afterMs / 1000);
    print(`  ${settlement(result)}; ${world.book.wanted().length} relays in use`);
  }
  if (!(await untilPoolIsFull(world))) {
    print('NOT SETTLED: the warm pool is not full again');
    report.unsettled += 1;
  }
  print(
    `answers: ${[...world.answers]
      .map(([name, times]) => `${name}: ${times}`)
      .sort()
      .join(', ')}`,
  );
  print(`ends: ${tally(world.book.entries.map(({ closed }) => closed ?? 'live'))}`);
  const { creates, deletes, claimed, reissued } = world.counts;
  return {
    ...report,
    creates,
    deletes,
    claimed,
    reissued,
    settle_p95_s: Number(percentile(settleTimes, 95).toFixed(2)),
  };
}

/** Spares that were handed out or died are replaced; not waited for in each round, as EC2 may have been out of capacity. */
async function untilPoolIsFull({ spares }: ChaosWorld): Promise<boolean> {
  const deadline = performance.now() + SETTLE_TIMEOUT_MS;
  while (performance.now() < deadline) {
    const seen = await spares.look();
    const ready = seen?.relays.filter(({ id, state }) => state === 'active' && seen.spares.has(id)) ?? [];
    if (ready.length >= WARM_POOL.size) return true;
    await delay(200);
  }
  return false;
}

function settlement({ afterMs, waitedFor }: RoundResult): string {
  const last = waitedFor === null ? '' : ` (last: ${waitedFor})`;
  return `${afterMs === null ? 'NOT SETTLED' : `settled after ${(afterMs / 1000).toFixed(1)} s`}${last}`;
}

function count(report: ChaosReport, plan: RoundPlan, result: RoundResult, fresh: readonly Finding[]): void {
  report.rounds += 1;
  report.faults += plan.faults.length + (plan.quietFlush ? 1 : 0);
  report.crashes += plan.faults.filter(({ fault }) => fault.kind === 'kill').length;
  report.deserted += result.deserters.length;
  if (result.afterMs === null) report.unsettled += 1;
  for (const { what } of fresh) if (what !== 'unfinished') report[what] += 1;
}

function nameOf({ what, relayId, instanceId }: Finding): string {
  return `${what} ${relayId} ${instanceId}`;
}

function tally(words: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return [...counts].map(([word, times]) => `${word}: ${times}`).join(', ');
}

function emptyReport(seed: number): ChaosReport {
  return {
    rounds: 0,
    seed,
    creates: 0,
    deletes: 0,
    crashes: 0,
    faults: 0,
    leaked: 0,
    double_launched: 0,
    lost_creates: 0,
    lost_deletes: 0,
    wrongly_terminated: 0,
    surplus_spares: 0,
    claimed_twice: 0,
    unsettled: 0,
    deserted: 0,
    claimed: 0,
    reissued: 0,
    settle_p95_s: 0,
  };
}
