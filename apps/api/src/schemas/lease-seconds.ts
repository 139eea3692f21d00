import * as z from 'zod';

export interface LeaseLimits {
  minLeaseSeconds: number;
  maxLeaseSeconds: number;
}

export function leaseSecondsSchema({ minLeaseSeconds, maxLeaseSeconds }: LeaseLimits) {
  return z.number().int().min(minLeaseSeconds).max(maxLeaseSeconds);
}
