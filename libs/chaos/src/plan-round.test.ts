import { describe, expect, test } from '@jest/globals';
import { describeFault, PARTS } from './fault.js';
import { planRound } from './plan-round.js';

const many = Array.from({ length: 400 }, (_, round) => planRound(7, round));
const faults = many.flatMap((plan) => plan.faults.map(({ fault }) => fault));

describe('the plan of a round', () => {
  test('is a function of seed and round', () => {
    expect(planRound(7, 3)).toEqual(planRound(7, 3));
    expect(planRound(7, 3)).not.toEqual(planRound(8, 3));
    expect(planRound(7, 3)).not.toEqual(planRound(7, 4));
    expect(planRound(3, 7).faults).not.toEqual(planRound(7, 3).faults);
  });

  test('never hits one process twice', () => {
    for (const plan of many) {
      const hit = plan.faults.flatMap(({ fault }) => ('part' in fault ? [fault.part] : []));
      expect(new Set(hit).size).toBe(hit.length);
    }
  });

  test('begins every fault during the traffic', () => {
    for (const plan of many) {
      expect(plan.faults.length).toBeGreaterThan(0);
      for (const { atMs } of plan.faults) expect(atMs).toBeLessThan(plan.trafficMs);
    }
  });

  test('leaves no fault out in the long run', () => {
    const kinds = faults.map((fault) => (fault.kind === 'calls' ? fault.name : fault.kind));
    expect(new Set(kinds)).toEqual(
      new Set([
        ...['kill', 'update', 'freeze', 'flush', 'capacity', 'instances'],
        ...['latency', 'hang', 'cut_before', 'cut_after', 'throttling', 'server_error', 'credentials'],
      ]),
    );
    const killed = faults.flatMap((fault) => (fault.kind === 'kill' ? [fault.part] : []));
    expect(new Set(killed)).toEqual(new Set(PARTS));
    expect(many.some(({ quietFlush }) => quietFlush)).toBe(true);
    // Outlives the lock of a run, so that another worker takes the run over.
    expect(faults.some((fault) => fault.kind === 'freeze' && fault.forMs > 8_000)).toBe(true);
  });

  test('can be read', () => {
    expect(describeFault({ atMs: 1_240, fault: { kind: 'kill', part: 'redis', downMs: 300 } })).toBe(
      '1.2 s kill -9 redis (down 300 ms)',
    );
  });
});
