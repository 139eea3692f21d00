// What a growing fleet costs: the jobs' ticks with the same number of relays to act upon, a page of the list, a sweep,
// and memory. A stack per size stands at the same time and all are measured in turn, so that what else the machine does
// meets all of them.
import type { Benchmark } from '../benchmark.js';
import { readOptions } from '../read-options.js';
import { median, rounded } from '../statistics.js';
import { table } from '../table.js';
import { type Fleet, startFleet } from './fleet.js';
import { timeRun, untilIdle } from './job-runs.js';
import { forgetPeak, residentMemory } from './process-memory.js';
import { REGION, TENANT } from './seed-relays.js';

/** Relays a tick has to act upon. */
const DUE = 20;
const LIST_PAGE = 50;
const LIST_SAMPLES = 20;
const WARM_UP = 3;

interface Timings {
  expiry: number[];
  bootWatch: number[];
  firstPage: number[];
  laterPage: number[];
}

/** Relays whose lease ended a minute ago; the run sends them off. */
async function timeExpiry(fleet: Fleet): Promise<number | null> {
  const leaving = fleet.active.splice(0, DUE);
  const past = { tenant: TENANT, leaseSeconds: 1, now: Date.now() - 60_000 };
  await Promise.all(leaving.map((id) => fleet.front.renew(id, past)));
  const time = await timeRun(fleet, 'relay_expiry');
  await untilIdle(fleet);
  return time;
}

async function timePage(fleet: Fleet, query: string): Promise<number> {
  const times: number[] = [];
  for (let sample = 0; sample < LIST_SAMPLES; sample += 1) {
    const startedAt = performance.now();
    await fleet.api.page(`limit=${LIST_PAGE}${query}`);
    times.push(performance.now() - startedAt);
  }
  return median(times);
}

async function measureOnce(fleet: Fleet, cursor: string, timings: Timings | null): Promise<void> {
  const expiry = await timeExpiry(fleet);
  const bootWatch = await timeRun(fleet, 'relay_boot_watch');
  const firstPage = await timePage(fleet, '');
  const laterPage = await timePage(fleet, `&cursor=${cursor}`);
  if (timings === null) return;
  if (expiry !== null) timings.expiry.push(expiry);
  if (bootWatch !== null) timings.bootWatch.push(bootWatch);
  timings.firstPage.push(firstPage);
  timings.laterPage.push(laterPage);
}

interface Sweep {
  seconds: number;
  pages: number;
  peakMib: number;
}

async function measureSweep(fleet: Fleet): Promise<Sweep> {
  const describes = async () => {
    const outcomes = (await fleet.sim.counts())[REGION]?.DescribeInstances ?? {};
    return Object.values(outcomes).reduce((sum, count) => sum + count, 0);
  };
  const pid = fleet.stack.jobs[0]?.pid ?? 0;
  for (;;) {
    await untilIdle(fleet);
    forgetPeak(pid);
    const before = await describes();
    const time = await timeRun(fleet, 'orphan_sweep');
    if (time === null) continue;
    return { seconds: time / 1000, pages: (await describes()) - before, peakMib: residentMemory(pid).peak };
  }
}

async function laterCursor(fleet: Fleet): Promise<string> {
  const { nextCursor } = await fleet.api.page('limit=200');
  if (nextCursor === null) throw new Error('the fleet is smaller than a page');
  return nextCursor;
}

function memoryOf({ stack }: Fleet): number[] {
  const processes = [stack.api[0], stack.jobs[0], stack.redis];
  return processes.map((process) => Math.round(residentMemory(process?.pid ?? 0).now));
}

export const scale: Benchmark = async ({ print, args }) => {
  const { small, middle, large, rounds } = readOptions(args, {
    small: 1_000,
    middle: 10_000,
    large: 100_000,
    rounds: 15,
  });
  const fleets: Fleet[] = [];
  try {
    for (const relays of [small, middle, large]) {
      print(`preparing ${relays.toLocaleString('en')} relays`);
      fleets.push(await startFleet({ relays: relays + DUE * (rounds + WARM_UP), booting: DUE }));
    }
    const measured: { fleet: Fleet; cursor: string; timings: Timings }[] = [];
    for (const fleet of fleets) {
      const timings = { expiry: [], bootWatch: [], firstPage: [], laterPage: [] };
      measured.push({ fleet, cursor: await laterCursor(fleet), timings });
    }
    for (const { fleet } of measured) await untilIdle(fleet);
    for (let round = -WARM_UP; round < rounds; round += 1) {
      for (const { fleet, cursor, timings } of measured) await measureOnce(fleet, cursor, round < 0 ? null : timings);
    }
    const sweeps: Sweep[] = [];
    for (const { fleet } of measured) sweeps.push(await measureSweep(fleet));
    return report(print, measured, sweeps);
  } finally {
    await Promise.all(fleets.map((fleet) => fleet.stop()));
  }
};

function report(
  print: (line: string) => void,
  measured: readonly { fleet: Fleet; timings: Timings }[],
  sweeps: readonly Sweep[],
): Record<string, number> {
  const times = (kind: keyof Timings) => measured.map(({ timings }) => median(timings[kind]));
  const growth = (kind: keyof Timings) => (times(kind).at(-1) ?? 0) / (times(kind)[0] ?? 1);
  const timeRow = (name: string, kind: keyof Timings): (string | number)[] => [
    name,
    ...times(kind).map((time) => time.toFixed(2)),
    growth(kind).toFixed(2),
  ];
  const memory = measured.map(({ fleet }) => memoryOf(fleet));
  const bytes = measured.map(({ fleet }) => Math.round(fleet.bytesPerRelay));
  const rows: (string | number)[][] = [
    timeRow(`expiry tick, ${DUE} due, ms`, 'expiry'),
    timeRow(`boot-watch tick, ${DUE} booting, ms`, 'bootWatch'),
    timeRow(`list, first ${LIST_PAGE}, ms`, 'firstPage'),
    timeRow(`list, ${LIST_PAGE} further on, ms`, 'laterPage'),
    ['sweep, s', ...sweeps.map(({ seconds }) => seconds.toFixed(2)), ''],
    ['sweep, Describe pages', ...sweeps.map(({ pages }) => pages), ''],
    ['sweep, peak of jobs, MiB', ...sweeps.map(({ peakMib }) => Math.round(peakMib)), ''],
    ['Redis bytes per relay', ...bytes, ''],
    ...['api', 'jobs', 'redis'].map((name, index) => [
      `${name}, MiB`,
      ...memory.map((process) => process[index] ?? 0),
      '',
    ]),
  ];
  for (const line of table(['live relays', ...measured.map(({ fleet }) => fleet.relays), 'ratio'], rows)) print(line);
  return {
    tick_ratio: rounded(Math.max(growth('expiry'), growth('bootWatch'))),
    list_ratio: rounded(Math.max(growth('firstPage'), growth('laterPage'))),
    bytes_per_relay: bytes.at(-1) ?? 0,
    sweep_rss_mib: Math.round(sweeps.at(-1)?.peakMib ?? 0),
    sweep_s: rounded(sweeps.at(-1)?.seconds ?? 0),
  };
}
