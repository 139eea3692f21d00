/** A terminal's Ctrl-C reaches us twice, from the terminal and from npm: only a later one means that the user insists. */
const SAME_KEYPRESS_MS = 1_000;
const PARENT_POLL_MS = 500;

export interface StopSignal {
  /** Aborted by the first SIGINT, SIGTERM or SIGHUP, or when the npm that started us is gone. */
  readonly signal: AbortSignal;
  /** Called when the user asks again because the orderly stop takes too long. */
  onInsist(listener: () => void): void;
  dispose(): void;
}

export function listenForStop(): StopSignal {
  const controller = new AbortController();
  let insist: (() => void) | undefined;
  let askedAt = 0;
  const ask = (): void => {
    if (!controller.signal.aborted) {
      askedAt = performance.now();
      controller.abort(new Error('stopped'));
    } else if (performance.now() - askedAt > SAME_KEYPRESS_MS) insist?.();
  };
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const name of names) process.on(name, ask);
  // npm killed the hard way forwards nothing, and nobody would be left to end the stack.
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.env.npm_lifecycle_event === 'up' && process.ppid !== parent && !controller.signal.aborted) ask();
  }, PARENT_POLL_MS);
  watch.unref();
  return {
    signal: controller.signal,
    onInsist: (listener) => {
      insist = listener;
    },
    dispose: () => {
      clearInterval(watch);
      for (const name of names) process.off(name, ask);
    },
  };
}
