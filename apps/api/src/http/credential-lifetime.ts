const CHECK_MS = 500;

/**
 * Aborts soon after a key stops being good, for answers that outlive the moment it was checked. A check that cannot be
 * made changes nothing: what cannot be looked up now was good before.
 */
export function credentialLifetime(isGood: () => Promise<boolean>, until: AbortSignal): AbortSignal {
  if (until.aborted) return until;
  const ended = new AbortController();
  const timer = setInterval(() => {
    isGood().then(
      (good) => {
        if (!good) ended.abort();
      },
      () => {},
    );
  }, CHECK_MS);
  until.addEventListener('abort', () => clearInterval(timer));
  return AbortSignal.any([ended.signal, until]);
}
