import type { Logger } from '@aegis/logging';

/** The same trouble is logged again only after this long: a worker without Redis reports it several times a second. */
const REPEAT_MS = 30_000;

export function createTroubleLog(
  logger: Logger,
  region: string,
  now = () => performance.now(),
): (error: Error) => void {
  let last = { message: '', at: Number.NEGATIVE_INFINITY };
  return (error) => {
    if (error.message === last.message && now() - last.at < REPEAT_MS) return;
    last = { message: error.message, at: now() };
    logger.warn('worker trouble', { region, error });
  };
}
