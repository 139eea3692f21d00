import type { FaultInput } from '@aegis/ec2-sim';
import { INSTANCE_TYPES, REGIONS } from './chaos-settings.js';
import type { CallTrouble, Fault, Part, PlannedFault } from './fault.js';
import { createRandom, type Random } from './random.js';

export interface RoundPlan {
  round: number;
  /** FLUSHALL before the traffic starts, while nothing is under way that lives in Redis alone. */
  quietFlush: boolean;
  trafficMs: number;
  faults: PlannedFault[];
}

/** Longer than a run's lock (6 s) and the check for stalled runs (2 s). */
const LONG_FREEZE_MS = 9_000;

/** What goes wrong in a round: a function of the seed and the round's number alone. */
export function planRound(seed: number, round: number): RoundPlan {
  const random = createRandom(seed, round);
  const trafficMs = random.int(2_000, 4_500);
  const count = random.weighted([
    [3, 1],
    [4, 2],
    [3, 3],
  ]);
  const hit = new Set<Part>();
  const faults: PlannedFault[] = [];
  while (faults.length < count) {
    const fault = planFault(random);
    const part = 'part' in fault ? fault.part : null;
    // One process is hit once a round, and one fault of a round takes up to ten seconds at most.
    if (part !== null && (hit.has(part) || (isLong(fault) && faults.some((other) => isLong(other.fault))))) continue;
    if (part !== null) hit.add(part);
    faults.push({ atMs: random.int(200, trafficMs - 500), fault });
  }
  faults.sort((a, b) => a.atMs - b.atMs);
  return { round, quietFlush: random.chance(0.12), trafficMs, faults };
}

function isLong(fault: Fault): boolean {
  return fault.kind === 'freeze' && fault.forMs >= LONG_FREEZE_MS;
}

function planFault(random: Random): Fault {
  const plan = random.weighted<(random: Random) => Fault>([
    [24, planKill],
    [3, planUpdate],
    [14, planFreeze],
    [4, () => ({ kind: 'flush' })],
    [38, planCallTrouble],
    [6, planShortage],
    [11, planInstances],
  ]);
  return plan(random);
}

function planKill(random: Random): Fault {
  const part = random.weighted<Part>([
    [2, 'api-1'],
    [2, 'api-2'],
    [4, 'jobs-1'],
    [4, 'jobs-2'],
    [4, 'redis'],
  ]);
  return { kind: 'kill', part, downMs: random.int(0, part === 'redis' ? 2_000 : 1_500) };
}

function planUpdate(random: Random): Fault {
  return { kind: 'update', part: random.pick(['api-1', 'api-2', 'jobs-1', 'jobs-2']) };
}

function planFreeze(random: Random): Fault {
  const part = random.weighted<Part>([
    [1, 'api-1'],
    [1, 'api-2'],
    [4, 'jobs-1'],
    [4, 'jobs-2'],
    [3, 'redis'],
  ]);
  const isJobs = part.startsWith('jobs');
  const forMs = isJobs && random.chance(0.5) ? LONG_FREEZE_MS : random.int(800, part === 'redis' ? 4_000 : 5_000);
  return { kind: 'freeze', part, forMs };
}

const OPERATIONS = ['RunInstances', 'DescribeInstances', 'TerminateInstances', '*'] as const;

function planCallTrouble(random: Random): Fault {
  const name = random.weighted<CallTrouble>([
    [3, 'latency'],
    [3, 'hang'],
    [3, 'cut_before'],
    [5, 'cut_after'],
    [3, 'throttling'],
    [3, 'server_error'],
    [2, 'credentials'],
  ]);
  const forMs = random.int(500, 4_000);
  const where: Pick<FaultInput, 'region'> = random.chance(0.4) ? { region: random.pick(REGIONS) } : {};
  return { kind: 'calls', name, forMs, fault: { ...where, ...callFault(name, random) } };
}

function callFault(name: CallTrouble, random: Random): FaultInput {
  const operation = random.pick(OPERATIONS);
  const effect = random.pick(['none', 'done'] as const);
  const share = () => ({ count: null, probability: random.pick([0.2, 0.5, 1]) });
  switch (name) {
    case 'latency':
      return { operation, effect, ...share(), kind: { type: 'latency', ms: random.int(200, 3_000) } };
    case 'hang':
      return { operation, effect, count: random.int(1, 4), kind: { type: 'hang' } };
    case 'cut_before':
      return { operation, effect: 'none', ...share(), kind: { type: 'cut' } };
    case 'cut_after':
      return { operation, effect: 'done', ...share(), kind: { type: 'cut' } };
    case 'throttling':
      return { operation, ...share(), kind: { type: 'error', code: 'RequestLimitExceeded', httpStatus: 503 } };
    case 'server_error':
      return { operation, effect, ...share(), kind: serverError(random) };
    case 'credentials':
      return { operation: '*', ...share(), kind: { type: 'auth' } };
  }
}

function serverError(random: Random): FaultInput['kind'] {
  return random.pick<FaultInput['kind']>([
    { type: 'http', status: 500 },
    { type: 'http', status: 503 },
    { type: 'error', code: 'InternalError', httpStatus: 500 },
    { type: 'error', code: 'Unavailable', httpStatus: 503 },
  ]);
}

function planShortage(random: Random): Fault {
  return {
    kind: 'capacity',
    region: random.pick(REGIONS),
    instanceType: random.pick(INSTANCE_TYPES),
    room: random.pick([0, 2, 5, 10]),
    forMs: random.int(1_000, 4_000),
  };
}

function planInstances(random: Random): Fault {
  return { kind: 'instances', how: random.pick(['die', 'outside']), count: random.int(1, 4) };
}
