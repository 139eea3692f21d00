/** EC2 refills two RunInstances requests a second: calls that follow each other for long need not be closer. */
const LONGEST_MS = 500;
const FIRST_MS = 100;
/** Calls further apart than this do not follow each other. */
const RECENT_MS = 2_000;

/**
 * Spaces calls that follow each other: the first goes out at once, each next one waits a little longer, so that what
 * is asked for meanwhile goes with it. A burst of creates or deletes takes a handful of calls however slowly they come
 * in, and the bucket of requests that EC2 grants (5 launches, then 2 a second) is not used up on batches of a few relays.
 */
export interface CallPacer {
  /** How long the next call should wait, in ms; 0 at rest. */
  delay(): number;
  called(): void;
}

export function createCallPacer(now: () => number): CallPacer {
  let recent: number[] = [];
  return {
    delay() {
      recent = recent.filter((at) => now() - at < RECENT_MS);
      const last = recent.at(-1);
      if (last === undefined) return 0;
      const spacing = Math.min(LONGEST_MS, FIRST_MS * 2 ** (recent.length - 1));
      return Math.max(0, last + spacing - now());
    },
    called() {
      recent.push(now());
    },
  };
}
