import type { AegisConfig } from '@aegis/config';
import type { Logger } from '@aegis/logging';
import { NO_QUOTA, type Quota, type QuotaStore, type TenantLimits } from '@aegis/relays';

/** A tenant's limits as they hold now: its own where it has some, else the configured ones. */
export interface EffectiveLimits extends TenantLimits {
  relaysPerRegion: number | undefined;
}

/**
 * Knows every tenant's limits without asking the store: a create waits for nothing. What another replica has set is known
 * here half a second later.
 */
export interface TenantQuotas {
  start(): Promise<void>;
  stop(): void;
  of(tenant: string): EffectiveLimits;
  /** The tenant's own, from the store. */
  own(tenant: string): Promise<Quota>;
  set(tenant: string, quota: Quota): Promise<void>;
}

export interface TenantQuotasOptions {
  store: QuotaStore;
  configured: AegisConfig['quotas'];
  logger: Logger;
}

const LOOK_MS = 500;

export function createTenantQuotas({ store, configured, logger }: TenantQuotasOptions): TenantQuotas {
  let known: ReadonlyMap<string, Quota> = new Map();
  let version: string | null = null;
  let timer: NodeJS.Timeout | undefined;

  async function refresh(): Promise<void> {
    // Read before the quotas: what is set in between is read again.
    const latest = await store.version();
    if (latest === version) return;
    known = await store.all();
    version = latest;
  }

  async function look(): Promise<void> {
    try {
      await refresh();
    } catch (error) {
      // The limits known before go on to hold. The connection's owner reports the loss.
      logger.debug('quotas could not be read', { error });
    }
  }

  return {
    async start() {
      await look();
      timer = setInterval(look, LOOK_MS);
    },
    stop() {
      clearInterval(timer);
    },
    of(tenant) {
      const own = known.get(tenant) ?? NO_QUOTA;
      return {
        relays: own.relays ?? configured.tenantRelays,
        relaysPerRegion: own.relaysPerRegion ?? configured.tenantRelaysPerRegion,
        launches: own.launches ?? configured.tenantLaunches,
        launchWindowMs: configured.launchWindowSeconds * 1000,
      };
    },
    own: (tenant) => store.get(tenant),
    async set(tenant, quota) {
      await store.set(tenant, quota);
      await refresh();
    },
  };
}
