import type { Ec2Calls } from './ec2-calls.js';

/** What one way of working needed for its relays. */
export interface Side {
  relays: number;
  /** From asking for all relays until the last is active. */
  activeSeconds: number;
  /** From asking to end all relays until the last instance is terminated. */
  goneSeconds: number;
  /** From asking to the end of the last instance. */
  calls: Ec2Calls;
}

export function secondsSince(startedAt: number): number {
  return (performance.now() - startedAt) / 1000;
}
