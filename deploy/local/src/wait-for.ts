import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 50;

/**
 * Asks again and again until the answer is neither null, undefined nor false, and resolves with it. Rejects, saying what
 * was waited for, when that takes too long; an answer that rejects counts as not yet.
 */
export async function waitFor<T>(what: string, withinMs: number, ask: () => Promise<T | null | undefined | false>) {
  const deadline = performance.now() + withinMs;
  let last: unknown;
  for (;;) {
    try {
      const answer = await ask();
      if (answer !== null && answer !== undefined && answer !== false) return answer;
      last = answer;
    } catch (error) {
      last = error;
    }
    if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}`, { cause: last });
    await delay(POLL_MS);
  }
}
