/** EC2 refills two RunInstances requests a second: launches that follow each other for long need not be closer. */
const LONGEST_MS = 500;
const FIRST_MS = 100;
/** Launches further apart than this do not follow each other. */
const RECENT_MS = 2_000;

/**
 * Spaces launches that follow each other: the first goes out at once, each next one waits a little longer, so that what
 * is asked for meanwhile goes with it. A burst of creates takes a handful of calls however slowly they come in, and the
 * bucket of requests that EC2 grants (5, then 2 a second) is not used up on batches of a few relays.
 */
export interface LaunchPacer {
  /** How long the next launch should wait, in ms; 0 at rest. */
  delay(): number;
  launched(): void;
}

export function createLaunchPacer(now: () => number): LaunchPacer {
  let recent: number[] = [];
  return {
    delay() {
      recent = recent.filter((at) => now() - at < RECENT_MS);
      const last = recent.at(-1);
      if (last === undefined) return 0;
      const spacing = Math.min(LONGEST_MS, FIRST_MS * 2 ** (recent.length - 1));
      return Math.max(0, last + spacing - now());
    },
    launched() {
      recent.push(now());
    },
  };
}
