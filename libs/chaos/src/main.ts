// `npm run chaos -- --rounds N --seed S`: breaks the running product in every way it must survive. The last line printed
// is one JSON object; the exit code is 0 when nothing was lost, leaked, launched twice, wrongly ended or left unsettled.
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { failed, runChaos } from './run-chaos.js';

const USAGE = 'usage: npm run chaos -- [--rounds N] [--seed S]';
const DEFAULT_ROUNDS = '10';
const SEEDS = 1_000_000;

function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new RangeError(`${USAGE}: not a whole number: ${text}`);
  return Number(text);
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { rounds: { type: 'string' }, seed: { type: 'string' } } });
  const rounds = wholeNumber(values.rounds ?? DEFAULT_ROUNDS);
  const seed = wholeNumber(values.seed ?? String(randomInt(SEEDS)));
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(name, () => stop.abort(new Error(`stopped by ${name}`)));
  }
  console.log(`chaos: ${rounds} rounds, seed ${seed}`);
  const report = await runChaos({ rounds, seed, print: (line) => console.log(line), signal: stop.signal });
  console.log(JSON.stringify(report));
  process.exitCode = failed(report) ? 1 : 0;
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
}
