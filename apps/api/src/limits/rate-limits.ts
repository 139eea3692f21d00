import type { RedisClient } from '@aegis/relays';
import { RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import type { Route } from '../http/route.js';

export const ROUTE_CLASSES = ['read', 'write', 'admin'] as const;
export type RouteClass = (typeof ROUTE_CLASSES)[number];

/** Requests of one key, by class, in each window. */
export type RateLimitSettings = Record<RouteClass, number> & { windowSeconds: number };

export interface RateVerdict {
  allowed: boolean;
  /** About how many more the key may send in this window. */
  remaining: number;
  resetSeconds: number;
}

export interface RateLimits {
  readonly settings: RateLimitSettings;
  /** Counts one request of a key. Null when nobody could count it: the store is away, and will say so itself. */
  take(routeClass: RouteClass, holder: string): Promise<RateVerdict | null>;
}

/** What a request is counted as; null for what no key asks. */
export function routeClass(route: Route): RouteClass | null {
  if (!('scope' in route)) return null;
  if (route.tag === 'admin') return 'admin';
  return route.method === 'get' ? 'read' : 'write';
}

interface Lease {
  left: number;
  remaining: number;
  endsAt: number;
}

/** A hundredth of a limit is taken at once, so that counting costs no round trip a request. */
const LEASES_PER_WINDOW = 100;
const MOST_LEASES = 10_000;

/**
 * Limits per key and class over all replicas: Redis holds each window's count, and each replica takes from it in small
 * leases. Never more than the limit is let through; what a replica has leased and not used by the end of a window is lost.
 */
export function createRateLimits(redis: RedisClient, settings: RateLimitSettings, now: () => number): RateLimits {
  const { windowSeconds } = settings;
  const limiters = new Map(
    ROUTE_CLASSES.map((name) => [
      name,
      new RateLimiterRedis({
        storeClient: redis,
        keyPrefix: `aegis:rate:${name}`,
        points: settings[name],
        duration: windowSeconds,
      }),
    ]),
  );
  const leases = new Map<string, Lease>();
  const asking = new Map<string, Promise<Lease>>();

  const ask = async (name: RouteClass, holder: string): Promise<Lease> => {
    const limit = settings[name];
    const batch = Math.max(1, Math.floor(limit / LEASES_PER_WINDOW));
    const counted = await consume(limiters.get(name), holder, batch);
    const before = counted.consumedPoints - batch;
    const lease: Lease = {
      left: Math.min(batch, Math.max(0, limit - before)),
      remaining: Math.max(0, limit - before),
      endsAt: now() + Math.max(1, counted.msBeforeNext),
    };
    if (leases.size >= MOST_LEASES) leases.clear();
    leases.set(`${name}:${holder}`, lease);
    return lease;
  };

  const askOnce = (name: RouteClass, holder: string): Promise<Lease> => {
    const key = `${name}:${holder}`;
    const under = asking.get(key) ?? ask(name, holder).finally(() => asking.delete(key));
    asking.set(key, under);
    return under;
  };

  return {
    settings,
    async take(name, holder) {
      for (;;) {
        let lease = leases.get(`${name}:${holder}`);
        const spent = !lease || now() >= lease.endsAt || (lease.left === 0 && lease.remaining > 0);
        if (spent) {
          try {
            lease = await askOnce(name, holder);
          } catch {
            // Whoever owns the connection logs its loss.
            return null;
          }
        }
        if (!lease) continue;
        const resetSeconds = Math.max(1, Math.ceil((lease.endsAt - now()) / 1000));
        if (lease.remaining === 0) return { allowed: false, remaining: 0, resetSeconds };
        // Others that shared the answer have used it up: ask again.
        if (lease.left === 0) continue;
        lease.left -= 1;
        lease.remaining -= 1;
        return { allowed: true, remaining: lease.remaining, resetSeconds };
      }
    },
  };
}

/** The count with this in it, whether within the limit or past it. */
async function consume(
  limiter: RateLimiterRedis | undefined,
  holder: string,
  points: number,
): Promise<Pick<RateLimiterRes, 'consumedPoints' | 'msBeforeNext'>> {
  try {
    if (!limiter) throw new Error('every class has its limiter');
    return await limiter.consume(holder, points);
  } catch (error) {
    if (error instanceof RateLimiterRes) return error;
    throw error;
  }
}
