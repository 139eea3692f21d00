import { setTimeout as delay } from 'node:timers/promises';
import { carryOutFault } from './carry-out-fault.js';
import { HEARTBEAT_SECONDS } from './chaos-settings.js';
import type { ChaosWorld } from './chaos-world.js';
import type { PlannedFault } from './fault.js';
import type { Finding } from './judge-survey.js';
import type { RoundPlan } from './plan-round.js';
import { startAgain } from './process-faults.js';
import { createRandom } from './random.js';
import { forgetUnheardLeases } from './relay-book.js';
import { type Settled, settle } from './settle.js';
import { startTraffic } from './traffic.js';

export interface RoundOptions {
  world: ChaosWorld;
  plan: RoundPlan;
  seed: number;
  isKnown(finding: Finding): boolean;
  /** Ends the round early. */
  signal: AbortSignal;
}

export interface RoundResult extends Settled {
  /** Processes that ended though nobody had ended them. */
  deserters: string[];
}

export const SETTLE_TIMEOUT_MS = 45_000;
/** An agent has heard of every lease by then. */
const HEARD_MS = 2 * HEARTBEAT_SECONDS * 1_000 + 500;
/** What an agent may not have heard yet when the api it talks to was frozen, killed or busy. */
const UNHEARD_MS = 20_000;
const TRAFFIC_STREAM = 1_000;
const CHOICE_STREAM = 2_000;

export async function runRound({ world, plan, seed, isKnown, signal }: RoundOptions): Promise<RoundResult> {
  if (plan.quietFlush) await quietFlush(world);
  await runTraffic(world, plan, seed, signal);
  await world.sim.clearFaults();
  await world.sim.clearCapacity();
  const deserters = await restartDeserters(world);
  const settled = await settle({ ...world, timeoutMs: SETTLE_TIMEOUT_MS, isKnown, signal });
  return { ...settled, deserters };
}

/** Resolves and rejects only once all faults are over and all requests answered or given up. */
async function runTraffic(world: ChaosWorld, plan: RoundPlan, seed: number, signal: AbortSignal): Promise<void> {
  const { round } = plan;
  const traffic = startTraffic(world, (loop) => createRandom(seed, round, TRAFFIC_STREAM + loop));
  const random = createRandom(seed, round, CHOICE_STREAM);
  const tools = { stack: world.stack, sim: world.sim, flush: () => busyFlush(world), random };
  const faults = plan.faults.map(async ({ atMs, fault }: PlannedFault) => {
    await delay(atMs);
    await carryOutFault(fault, tools);
  });
  const ended = await Promise.allSettled([delay(plan.trafficMs, undefined, { signal }), ...faults]);
  await traffic.pause();
  signal.throwIfAborted();
  for (const end of ended) if (end.status === 'rejected') throw end.reason;
}

/** The system has settled: only what agents have not heard yet lives in Redis alone. */
async function quietFlush(world: ChaosWorld): Promise<void> {
  await delay(HEARD_MS);
  await world.flush(true);
}

async function busyFlush(world: ChaosWorld): Promise<void> {
  await world.flush(false);
  const wipedAt = Date.now();
  for (const entry of world.book.open()) {
    forgetUnheardLeases(entry, { wipedAt, unheardSince: wipedAt - UNHEARD_MS });
  }
}

/** A process that died by itself is started again, and told of. */
async function restartDeserters({ processes }: ChaosWorld): Promise<string[]> {
  const deserters = processes.filter(({ running }) => !running);
  await Promise.all(deserters.map(startAgain));
  return deserters.map((process) => `${process.name} ended by itself:\n${process.lastLogs().join('\n')}`);
}
