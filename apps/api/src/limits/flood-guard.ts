import { RateLimiterMemory } from 'rate-limiter-flexible';
import { Problem } from '../http/problem.js';
import { addressGroup } from './client-address.js';

export interface FloodGuardSettings {
  /** Failed authentications, and requests for pages that need no key, of one address in each window. */
  unauthenticated: number;
  windowSeconds: number;
}

/**
 * Bounds what strangers can make this process do, by address and in memory: nothing of it reaches the store. A caller
 * with a good key is never refused for what others at its address do.
 */
export interface FloodGuard {
  /** Counts one. @throws Problem once the address has had its share. */
  count(address: string): Promise<void>;
  /** @throws Problem while the address is past its share. */
  refuseFlood(address: string): Promise<void>;
}

export function createFloodGuard({ unauthenticated, windowSeconds }: FloodGuardSettings): FloodGuard {
  const limiter = new RateLimiterMemory({ points: unauthenticated, duration: windowSeconds });
  const refuseFlood = async (address: string): Promise<void> => {
    const counted = await limiter.get(addressGroup(address));
    if (counted === null || counted.consumedPoints <= unauthenticated) return;
    throw new Problem('rate_limited', {
      detail: 'Too many requests without a valid credential came from this address.',
      headers: { 'Retry-After': String(Math.max(1, Math.ceil(counted.msBeforeNext / 1000))), Connection: 'close' },
    });
  };
  return {
    refuseFlood,
    async count(address) {
      await limiter.penalty(addressGroup(address), 1);
      await refuseFlood(address);
    },
  };
}
