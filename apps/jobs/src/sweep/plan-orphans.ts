/** An instance of the deployment that no relay owns. */
export interface Orphan {
  instanceId: string;
  launchedAt: number;
  /** An operator tagged it `aegis:protected`. */
  protected: boolean;
}

export interface OrphanSituation {
  orphans: readonly Orphan[];
  /** Marks of earlier sweeps: instance id → first seen (Unix ms). */
  marked: ReadonlyMap<string, number>;
  /** All live instances of the region that carry the deployment's tag. */
  instances: number;
  now: number;
  graceMs: number;
  verified: boolean;
  frozen: boolean;
  shadow: boolean;
}

/** Why a sweep left an orphan alone. */
export const SPARE_RULES = ['grace', 'protected', 'freeze', 'cap', 'shadow'] as const;
export type SpareRule = (typeof SPARE_RULES)[number];

export interface OrphanPlan {
  terminate: Orphan[];
  /** Orphans this sweep sees for the first time. */
  found: number;
  spared: Record<SpareRule, number>;
  /** More would be terminated than a sweep may: nothing is, and an operator must look. */
  halted: boolean;
  marked: Map<string, number>;
}

const CAP_AT_LEAST = 10;
const CAP_SHARE = 0.2;

/** How many instances one sweep may end: a store or a listing that is wrong must not cost a fleet. */
export function sweepCap(instances: number): number {
  return Math.max(CAP_AT_LEAST, Math.floor(instances * CAP_SHARE));
}

/** Marks first, terminates later: only what an earlier sweep marked, past its grace, within the cap. */
export function planOrphans(situation: OrphanSituation): OrphanPlan {
  const { orphans, marked, now, graceMs } = situation;
  const spared: Record<SpareRule, number> = { grace: 0, protected: 0, freeze: 0, cap: 0, shadow: 0 };
  const stillMarked = new Map(orphans.map(({ instanceId }) => [instanceId, marked.get(instanceId) ?? now]));
  const due = orphans.filter((orphan) => {
    if (orphan.protected) spared.protected += 1;
    else if (!situation.verified || !marked.has(orphan.instanceId) || now - orphan.launchedAt < graceMs) {
      spared.grace += 1;
    } else return true;
    return false;
  });
  const plan = {
    found: orphans.filter(({ instanceId }) => !marked.has(instanceId)).length,
    spared,
    marked: stillMarked,
  };
  const rule = blockingRule(situation, due.length);
  if (!rule) return { ...plan, terminate: due, halted: false };
  spared[rule] += due.length;
  return { ...plan, terminate: [], halted: rule === 'cap' };
}

function blockingRule({ shadow, frozen, instances }: OrphanSituation, due: number): SpareRule | null {
  if (due === 0) return null;
  if (frozen) return 'freeze';
  if (due > sweepCap(instances)) return 'cap';
  return shadow ? 'shadow' : null;
}
