// `npm run bench -- NAME`: the last line printed is one JSON object with the benchmark's figures.
import type { Benchmark } from './benchmark.js';
import { describeMachine } from './machine.js';

/** Loaded only when asked for: a benchmark may bring large dependencies. */
const BENCHMARKS: Record<string, () => Promise<Benchmark>> = {
  accept: async () => (await import('./accept/accept.js')).accept,
  bulkhead: async () => (await import('./bulkhead.js')).bulkhead,
  burst: async () => (await import('./burst/burst.js')).burst,
  coldstart: async () => (await import('./coldstart.js')).coldstart,
  scale: async () => (await import('./scale/scale.js')).scale,
  scrape: async () => (await import('./scale/scrape.js')).scrape,
  trigger: async () => (await import('./trigger/trigger.js')).trigger,
  warm: async () => (await import('./warm.js')).warm,
};

const [name = '', ...args] = process.argv.slice(2);
const load = BENCHMARKS[name];
if (load === undefined) {
  console.error(`usage: npm run bench -- NAME, where NAME is one of: ${Object.keys(BENCHMARKS).join(', ')}`);
  process.exitCode = 2;
} else {
  const benchmark = await load();
  console.log(`${name}: ${describeMachine()}`);
  const figures = await benchmark({ print: (line) => console.log(line), args });
  console.log(JSON.stringify(figures));
}
