import type { WaitingRelay } from '@aegis/relays';
import type { OfferingChoice } from './offering-health.js';

export interface LaunchBatch {
  /** Null: EC2 had none of what these relays could use, lately. */
  choice: OfferingChoice | null;
  /** In the order of their turns. */
  relays: WaitingRelay[];
}

/**
 * One launch asks for one offering. The relay whose turn it is decides which, and all who would get the same one go along;
 * who asks for another instance type is at the front of the next launch. Null when nobody waits.
 */
export function chooseBatch(
  waiting: readonly WaitingRelay[],
  best: (instanceType: string | null) => OfferingChoice | null,
): LaunchBatch | null {
  const [first] = waiting;
  if (first === undefined) return null;
  const choices = new Map<string | null, OfferingChoice | null>();
  const choiceOf = ({ instanceType }: WaitingRelay): OfferingChoice | null => {
    const known = choices.get(instanceType);
    if (known !== undefined) return known;
    const choice = best(instanceType);
    choices.set(instanceType, choice);
    return choice;
  };
  const choice = choiceOf(first);
  return { choice, relays: waiting.filter((relay) => choiceOf(relay)?.offering === choice?.offering) };
}
