import type { CallCounts, SimControl } from '@aegis/ec2-sim';

/** Calls that arrived at EC2, by operation, with those it throttled counted once more. */
export interface Ec2Calls {
  byOperation: ReadonlyMap<string, number>;
  total: number;
  throttled: number;
}

const THROTTLED = 'RequestLimitExceeded';

/** What a region of the simulator has been asked since it started. */
export async function readEc2Calls(sim: SimControl, region: string): Promise<Ec2Calls> {
  return summarise((await sim.counts())[region] ?? {});
}

function summarise(operations: CallCounts[string]): Ec2Calls {
  const byOperation = new Map<string, number>();
  let throttled = 0;
  for (const [operation, outcomes] of Object.entries(operations)) {
    const calls = Object.values(outcomes).reduce((sum, count) => sum + count, 0);
    byOperation.set(operation, calls);
    throttled += outcomes[THROTTLED] ?? 0;
  }
  const total = [...byOperation.values()].reduce((sum, count) => sum + count, 0);
  return { byOperation, total, throttled };
}

export function callsSince(now: Ec2Calls, before: Ec2Calls): Ec2Calls {
  const byOperation = new Map(
    [...now.byOperation].map(([operation, calls]) => [operation, calls - (before.byOperation.get(operation) ?? 0)]),
  );
  return { byOperation, total: now.total - before.total, throttled: now.throttled - before.throttled };
}
