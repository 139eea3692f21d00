/** A launch that was decided, stored before EC2 is called. `request` is replayed to the letter after any crash. */
export interface LaunchIntent<Request = unknown> {
  id: string;
  /** Ordered: the relay at index n gets the instance whose `amiLaunchIndex` is n. */
  relayIds: string[];
  /** Everything the provider needs, JSON-serialisable. */
  request: Request;
  openedAt: number;
}
