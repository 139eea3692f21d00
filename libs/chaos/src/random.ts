/** Seeded choices: the same seed and streams give the same choices in the same order. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** Uniform integer in [min, max]. */
  int(min: number, max: number): number;
  chance(probability: number): boolean;
  /** One of a list that is not empty. */
  pick<T>(list: readonly T[]): T;
  /** Up to `count` different ones. */
  some<T>(list: readonly T[], count: number): T[];
  weighted<T>(choices: readonly (readonly [weight: number, choice: T])[]): T;
}

/** `streams` tell independent sequences of one seed apart, such as a round's plan and its traffic. */
export function createRandom(seed: number, ...streams: number[]): Random {
  const next = mulberry32(streams.reduce((mixed, stream) => mix(Math.imul(mixed, 31) + stream + 1), mix(seed + 1)));
  const int = (min: number, max: number) => min + Math.floor(next() * (max - min + 1));
  function pick<T>(list: readonly T[]): T {
    const index = int(0, list.length - 1);
    if (index < 0) throw new RangeError('nothing to choose from');
    return list[index] as T;
  }
  return {
    next,
    int,
    chance: (probability) => next() < probability,
    pick,
    some(list, count) {
      const rest = [...list];
      return Array.from({ length: Math.min(count, list.length) }, () => rest.splice(int(0, rest.length - 1), 1)).flat();
    },
    weighted(choices) {
      let left = next() * choices.reduce((sum, [weight]) => sum + weight, 0);
      const found = choices.find(([weight]) => {
        left -= weight;
        return left < 0;
      });
      return (found ?? pick(choices))[1];
    },
  };
}

/** A 32-bit integer hash (the finaliser of MurmurHash3). */
function mix(value: number): number {
  let hash = value | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

/** Tommy Ettinger's generator: 32 bits of state, ample for choosing faults. */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
