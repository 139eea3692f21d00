import { describe, expect, test } from '@jest/globals';
import { type OrphanSituation, planOrphans } from './plan-orphans.js';

const NOW = 1_000_000;
const orphan = (n: number, launchedAt = 0) => ({ instanceId: `i-${n}`, launchedAt, protected: false });
const many = (count: number) => Array.from({ length: count }, (_, n) => orphan(n));
const markedBefore = (count: number) => new Map(many(count).map(({ instanceId }) => [instanceId, NOW - 60_000]));

function plan(change: Partial<OrphanSituation>) {
  return planOrphans({
    orphans: [],
    marked: new Map(),
    instances: 1000,
    now: NOW,
    graceMs: 120_000,
    verified: true,
    frozen: false,
    shadow: false,
    ...change,
  });
}

describe('orphans', () => {
  test('are only marked by the first sweep that sees them, and terminated by the next', () => {
    const first = plan({ orphans: many(2) });
    expect(first).toMatchObject({ terminate: [], found: 2, spared: { grace: 2 } });
    const second = plan({ orphans: many(2), marked: first.marked });
    expect(second).toMatchObject({ terminate: many(2), found: 0 });
    expect(second.marked).toEqual(first.marked);
  });

  test('that have found an owner lose their mark', () => {
    expect(plan({ orphans: [orphan(1)], marked: markedBefore(3) }).marked.size).toBe(1);
  });

  test('are spared while young, protected, or in a store that is in doubt', () => {
    const marked = markedBefore(1);
    expect(plan({ orphans: [orphan(0, NOW - 119_999)], marked })).toMatchObject({
      terminate: [],
      spared: { grace: 1 },
    });
    expect(plan({ orphans: [{ ...orphan(0), protected: true }], marked })).toMatchObject({ spared: { protected: 1 } });
    expect(plan({ orphans: [orphan(0)], marked, verified: false })).toMatchObject({ terminate: [] });
  });

  test('are spared by an operator, by the shadow mode and by the cap, each saying so', () => {
    const situation = { orphans: many(201), marked: markedBefore(201) };
    expect(plan({ ...situation, frozen: true })).toMatchObject({
      terminate: [],
      spared: { freeze: 201 },
      halted: false,
    });
    const few = { orphans: many(9), marked: markedBefore(9), shadow: true };
    expect(plan(few)).toMatchObject({ terminate: [], spared: { shadow: 9 }, halted: false });
    // What would halt without the shadow mode says so in it.
    expect(plan({ ...situation, shadow: true })).toMatchObject({ terminate: [], spared: { cap: 201 }, halted: true });
    expect(plan(situation)).toMatchObject({ terminate: [], spared: { cap: 201 }, halted: true });
  });

  test('the cap is a fifth of the instances, and never less than ten', () => {
    const count = (orphans: number, instances: number) =>
      plan({ orphans: many(orphans), marked: markedBefore(orphans), instances }).terminate.length;
    expect([count(200, 1000), count(201, 1000), count(10, 10), count(11, 10)]).toEqual([200, 0, 10, 0]);
  });
});
