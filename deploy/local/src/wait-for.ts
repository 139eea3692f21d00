import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 25;
/** The least that one answer may take, however little time is left. */
const ANSWER_MS = 1_000;

/**
 * Asks again and again until the answer is neither null, undefined nor false, and resolves with it. Rejects, saying what
 * was waited for, when that takes too long; an answer that rejects counts as not yet, and so does one that never comes.
 */
export async function waitFor<T>(what: string, withinMs: number, ask: () => Promise<T | null | undefined | false>) {
  const deadline = performance.now() + withinMs;
  let last: unknown;
  for (;;) {
    try {
      const answer = await within(Math.max(ANSWER_MS, deadline - performance.now()), ask());
      if (answer !== null && answer !== undefined && answer !== false) return answer;
      last = answer;
    } catch (error) {
      last = error;
    }
    if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}`, { cause: last });
    await delay(POLL_MS);
  }
}

async function within<T>(ms: number, answer: Promise<T>): Promise<T> {
  const over = new AbortController();
  const late = delay(ms, undefined, { signal: over.signal }).then(() => {
    throw new Error('no answer');
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    over.abort();
    late.catch(() => undefined);
  }
}
