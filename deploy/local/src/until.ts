import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 25;

/** Asks again and again until the answer is true; a rejection counts as not yet. */
export async function until(what: string, withinMs: number, holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + withinMs;
  let last: unknown;
  for (;;) {
    try {
      if (await holds()) return;
    } catch (error) {
      last = error;
    }
    if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}`, { cause: last });
    await delay(POLL_MS);
  }
}
