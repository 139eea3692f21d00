import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { VIOLATIONS } from './judge-survey.js';
import { type ChaosReport, runChaos } from './run-chaos.js';

/** The short form of `npm run chaos`; a failing seed is tried again with AEGIS_CHAOS_SEED. */
const SEED = Number(process.env.AEGIS_CHAOS_SEED || 2778);
const ROUNDS = 10;
const TIMEOUT_MS = 300_000;

describe(`${ROUNDS} rounds of chaos with seed ${SEED}`, () => {
  let report: ChaosReport;
  const lines: string[] = [];
  const stop = new AbortController();

  beforeAll(async () => {
    report = await runChaos({ rounds: ROUNDS, seed: SEED, print: (line) => lines.push(line), signal: stop.signal });
  }, TIMEOUT_MS);

  afterAll(() => stop.abort());

  test('lose nothing, leak nothing, launch nothing twice, end nothing by mistake and settle', () => {
    const figures = [...VIOLATIONS, 'unsettled', 'deserted'] as const;
    const wrong = Object.fromEntries(figures.map((figure) => [figure, report[figure]]));
    // The whole story when it fails.
    expect({ wrong, story: Object.values(wrong).some((count) => count > 0) ? lines.join('\n') : '' }).toEqual({
      wrong: Object.fromEntries(figures.map((figure) => [figure, 0])),
      story: '',
    });
  });

  test('were no idle rounds', () => {
    expect(report).toMatchObject({ rounds: ROUNDS, seed: SEED });
    expect(report.creates).toBeGreaterThan(100);
    expect(report.deletes).toBeGreaterThan(30);
    expect(report.claimed).toBeGreaterThan(5);
    expect(report.crashes).toBeGreaterThan(0);
    expect(report.faults).toBeGreaterThanOrEqual(ROUNDS);
  });
});
