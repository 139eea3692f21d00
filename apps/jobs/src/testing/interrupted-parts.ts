import type { JobName } from '@aegis/queues';
import type { RegionWorld, WorkerParts } from './region-world.js';

/** What a dead worker's calls come to. */
export class Crash extends Error {}

export interface Cut {
  /** The call at which the process dies, from 0. */
  at: number;
  when: 'before' | 'after';
}

/** Iterated or only looked at, never awaited: a crash in the midst of one has no effect to tell apart. */
const NOT_COUNTED = new Set(['deploymentPages', 'relaysWithInstance', 'launchAllowance']);

/** `make` carries the call out; `at` is its place among all that were counted, null for one that is not. */
type Decide = (call: { name: string; at: number | null; make: () => unknown }) => unknown;

function interceptedParts(world: RegionWorld, decide: Decide): Required<Omit<WorkerParts, 'now' | 'sleep'>> {
  let counted = 0;
  const wrap = <T extends object>(target: T): T =>
    new Proxy(target, {
      get(inner, key) {
        const member = Reflect.get(inner, key);
        if (typeof member !== 'function') return member;
        const name = String(key);
        return (...args: unknown[]) => {
          const at = NOT_COUNTED.has(name) ? null : counted++;
          return decide({ name, at, make: () => Reflect.apply(member, inner, args) });
        };
      },
    });
  const queue = { trigger: async (job: JobName) => void world.triggered.push(job) };
  return { store: wrap(world.fleet), cloud: wrap(world.cloud), queue: wrap(queue) };
}

/** A worker's parts, all dead from the cut on: nothing it does later reaches anybody. `calls` are those before. */
export function mortalParts(world: RegionWorld, cut: Cut): { parts: WorkerParts; calls: string[] } {
  const calls: string[] = [];
  let dead = false;
  const parts = interceptedParts(world, ({ name, at, make }) => {
    if (dead) throw new Crash();
    if (at === null) return make();
    calls.push(name);
    if (at !== cut.at) return make();
    dead = true;
    if (cut.when === 'before') throw new Crash();
    return (async () => {
      await make();
      throw new Crash();
    })();
  });
  return { parts, calls };
}

/** A worker's parts that sleep before the n-th call, and before all after it, until they are woken. */
export function sleepyParts(world: RegionWorld, at: number) {
  let wake = () => {};
  const woken = new Promise<void>((resolve) => {
    wake = resolve;
  });
  let fallAsleep = () => {};
  const asleep = new Promise<void>((resolve) => {
    fallAsleep = resolve;
  });
  const parts = interceptedParts(world, (call) => {
    if (call.at === null || call.at < at) return call.make();
    fallAsleep();
    return woken.then(call.make);
  });
  return { parts, asleep, wake };
}
