import type { Cluster, Redis } from 'ioredis';

/**
 * One step of the store's layout. It must be safe to run twice, at the same time as itself (a process can freeze and lose its
 * lock), and on records that have the new form already; `docs/upgrading.md` says which changes need one.
 */
export interface Migration {
  /** The version it leads to, one more than the one it starts from. */
  to: number;
  /**
   * The oldest version of a process that can work with the store from then on. `to - 1` for what only adds, so that both
   * releases can run side by side; `to` for what takes away.
   */
  oldestProcess: number;
  /** Changes one region, whose keys share a slot. */
  region?(redis: Redis | Cluster, region: string): Promise<void>;
  /** Changes what the deployment keeps beyond regions: keys, quotas, audit log, tenants. */
  deployment?(redis: Redis | Cluster): Promise<void>;
}

/** In order, without gaps. Those of old releases may go: a process then refuses a store that is older than its first step. */
export const MIGRATIONS: readonly Migration[] = [];

/** Version 1 is the layout that came before versions did. */
export function versionAfter(migrations: readonly Migration[]): number {
  return migrations.at(-1)?.to ?? 1;
}

export function oldestProcessAfter(migrations: readonly Migration[]): number {
  return Math.max(1, ...migrations.map((migration) => migration.oldestProcess));
}

/** Of this process, and what it writes into a store it is the first to use. */
export const SCHEMA_VERSION = versionAfter(MIGRATIONS);
export const OLDEST_PROCESS = oldestProcessAfter(MIGRATIONS);
