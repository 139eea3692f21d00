import { setTimeout as delay } from 'node:timers/promises';
import { isOperatorError } from './startup-error.js';

const PAUSE_MS = 250;

/**
 * Tries until it works, for so long; then it fails as the last try did. For what a start needs of Redis: one answer that comes
 * late must not end a process that is about to replace another. What is told to the operator is no matter of patience.
 */
export async function retryFor<T>(ms: number, work: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + ms;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (isOperatorError(error) || performance.now() >= deadline) throw error;
      await delay(PAUSE_MS);
    }
  }
}
