import { isTerminal, type RelayReason, type RelayState } from './relay.js';

/** One move that a script really made; each move is reported to exactly one caller. Times in Unix ms. */
export interface RelayTransition {
  relayId: string;
  from: RelayState | null;
  to: RelayState;
  reason: RelayReason | null;
  createdAt: number;
  activeAt: number | null;
  terminatingAt: number | null;
  instanceId: string | null;
  /** EC2 accepted a terminate of ours for its instance. */
  terminateSent: boolean;
  /** Nobody asked for it just now: a spare of the warm pool, or a relay whose lost record was rebuilt. */
  unasked: boolean;
  at: number;
  /** Empty for a spare that nobody owns. */
  tenant: string;
}

const FIELDS = 12;

/** Reads the `moved` list of `lua/include/region.lua`. */
export function parseTransitions(moved: readonly string[]): RelayTransition[] {
  const transitions: RelayTransition[] = [];
  for (let i = 0; i + FIELDS <= moved.length; i += FIELDS) {
    const [relayId = '', from, to, reason, created, active, terminating, instance, sent, unasked, at, tenant = ''] =
      moved.slice(i, i + FIELDS);
    transitions.push({
      relayId,
      from: (from || null) as RelayState | null,
      to: to as RelayState,
      reason: (reason || null) as RelayReason | null,
      createdAt: Number(created),
      activeAt: active ? Number(active) : null,
      terminatingAt: terminating ? Number(terminating) : null,
      instanceId: instance || null,
      terminateSent: Number(sent) > 0,
      unasked: unasked === '1',
      at: Number(at),
      tenant,
    });
  }
  return transitions;
}

export type RelayOutcome =
  | { kind: 'provision'; status: 'ok' | 'error' | 'cancelled'; latencyMs: number }
  | { kind: 'deprovision'; status: 'ok' | 'ignored'; latencyMs: number };

const BEFORE_ACTIVE: ReadonlySet<RelayState | null> = new Set(['pending', 'launching', 'booting']);

/**
 * What a move means for the metrics contract. A provision ends once: at `active` (ok), by the client's delete
 * (cancelled), or otherwise on the way out (error). A warm relay's provision is the create that claims it. A
 * deprovision ends when the relay's instance is gone: ok when EC2 took our terminate, ignored when the instance was
 * gone without it. So every instance that a relay ever had is one deprovision, and a relay that loses its instance
 * before it was active ends both at once.
 */
export function relayOutcomes(move: RelayTransition): RelayOutcome[] {
  return [provisionOutcome(move), deprovisionOutcome(move)].filter((outcome) => outcome !== null);
}

function provisionOutcome(move: RelayTransition): RelayOutcome | null {
  if (!BEFORE_ACTIVE.has(move.from) || move.unasked) return null;
  const latencyMs = Math.max(0, move.at - move.createdAt);
  if (move.to === 'active') return { kind: 'provision', status: 'ok', latencyMs };
  if (move.to !== 'terminating' && !isTerminal(move.to)) return null;
  return { kind: 'provision', status: move.reason === 'requested' ? 'cancelled' : 'error', latencyMs };
}

function deprovisionOutcome(move: RelayTransition): RelayOutcome | null {
  if (!isTerminal(move.to) || !move.instanceId) return null;
  const latencyMs = Math.max(0, move.at - (move.terminatingAt ?? move.at));
  return { kind: 'deprovision', status: move.terminateSent ? 'ok' : 'ignored', latencyMs };
}
