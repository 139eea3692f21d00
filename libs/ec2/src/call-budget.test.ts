import { describe, expect, test } from '@jest/globals';
import { CallBudget } from './call-budget.js';

function region(maxWaitMs = 5000) {
  const clock = { time: 0, now: () => clock.time };
  const sleeps: number[] = [];
  const sleep = async (ms: number, signal?: AbortSignal): Promise<void> => {
    if (signal?.aborted) return;
    sleeps.push(ms);
    clock.time += ms;
  };
  return { clock, sleeps, budget: new CallBudget({ clock, sleep, maxWaitMs }) };
}

describe('the call budget of a region', () => {
  test('lets calls at rest through without a wait', async () => {
    const { sleeps, budget } = region();
    for (let i = 0; i < 5; i += 1) await budget.admit('run_instances', 10);
    expect(sleeps).toEqual([]);
  });

  test('delays the call that AWS would throttle, until it would not', async () => {
    const { sleeps, budget } = region();
    for (let i = 0; i < 6; i += 1) await budget.admit('run_instances', 1);
    expect(sleeps).toEqual([750]);
  });

  test('keeps operations apart', async () => {
    const { sleeps, budget } = region();
    for (let i = 0; i < 5; i += 1) await budget.admit('run_instances', 1);
    await budget.admit('terminate_instances', 500);
    await budget.admit('describe_instances', 0);
    expect(sleeps).toEqual([]);
  });

  test('waits for instances as for requests', async () => {
    const { sleeps, budget } = region();
    await budget.admit('run_instances', 1000);
    expect(budget.allowance('run_instances').instances).toBe(0);
    await budget.admit('run_instances', 4);
    expect(sleeps).toEqual([2250]);
  });

  test('waits no longer than its bound and then leaves it to AWS', async () => {
    const { sleeps, budget } = region(1000);
    await budget.admit('run_instances', 1000);
    await budget.admit('run_instances', 500);
    await budget.admit('run_instances', 5000);
    expect(sleeps).toEqual([1000, 1000]);
  });

  test('takes back the instances a call did not start', async () => {
    const { budget } = region();
    await budget.admit('run_instances', 1000);
    budget.unused('run_instances', 400);
    expect(budget.allowance('run_instances')).toEqual({ instances: 400, waitMs: 0 });
  });

  test('learns from retries and from being throttled', async () => {
    const { sleeps, budget } = region();
    for (let i = 0; i < 4; i += 1) await budget.admit('run_instances', 1);
    budget.retried('run_instances');
    expect(budget.allowance('run_instances').waitMs).toBe(750);
    budget.throttled('terminate_instances');
    await budget.admit('terminate_instances', 1);
    expect(sleeps).toEqual([200]);
  });

  test('takes nothing for a caller who gave up', async () => {
    const { budget } = region();
    for (let i = 0; i < 5; i += 1) await budget.admit('run_instances', 1);
    const before = budget.allowance('run_instances');
    await budget.admit('run_instances', 1, AbortSignal.abort());
    expect(budget.allowance('run_instances')).toEqual(before);
  });
});
