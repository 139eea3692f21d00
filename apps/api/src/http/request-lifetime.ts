import type { Response } from 'express';

/** Aborts when nobody waits for the answer any more, or the process is about to end. */
export function requestLifetime(response: Response, draining: AbortSignal): AbortSignal {
  const gone = new AbortController();
  const end = (): void => gone.abort();
  if (draining.aborted || response.destroyed) end();
  draining.addEventListener('abort', end);
  response.once('close', () => {
    draining.removeEventListener('abort', end);
    end();
  });
  return gone.signal;
}
