/** How soon an instance that shuts down is looked at again. */
export const CONFIRM_MS = 1_500;
/** A terminate that EC2 accepted but that shows no effect for so long is sent again. */
export const RESEND_AFTER_MS = 30_000;

const FIRST_MS = 2_000;
const LONGEST_MS = 10_000;

/** Wait after a refused terminate (ms): it doubles, but stays short, since a refused instance bills on. */
export function retryDelay(attempts: number): number {
  return Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempts, 10));
}
