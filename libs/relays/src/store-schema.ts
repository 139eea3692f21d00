import { setTimeout as delay } from 'node:timers/promises';
import { createScriptRunner } from './lua-scripts.js';
import { MIGRATIONS, type Migration, oldestProcessAfter, versionAfter } from './migrations.js';
import type { RedisClient } from './redis-client.js';
import { regionKeys } from './region-keys.js';
import { SchemaError } from './schema-error.js';

/** What became of one part of the store. */
export interface SchemaChange {
  /** A region, or `null` for what the deployment keeps beyond regions. */
  region: string | null;
  /** Null: it was empty. */
  from: number | null;
  to: number;
}

export interface StoreSchema {
  /** The version of this process. */
  readonly version: number;
  /**
   * Makes sure that this process may work on the store: writes the version into an empty one, migrates an older one.
   * Waits while another process migrates. Resolves with what it changed; one command a region when that is nothing.
   * @throws SchemaError when this process and the store do not fit.
   */
  ensure(): Promise<SchemaChange[]>;
}

export interface StoreSchemaOptions {
  redis: RedisClient;
  regions: readonly string[];
  /** Makes lock tokens; `crypto.randomUUID` fits. */
  newToken: () => string;
  /** This release's by default. */
  migrations?: readonly Migration[];
  /**
   * False for a process that may not look at the keys, quotas and audit log of the deployment, and so cannot tell whether
   * they are from before versions: where that part has no version, it leaves it to others to write one. True by default.
   */
  keepsDeployment?: boolean;
}

/** One part of the store: its keys share a slot, and a version. */
interface Part {
  region: string | null;
  prefix: string;
  /** For faults. */
  called: string;
  /** Whether it holds what came before versions did. */
  holdsData(): Promise<boolean>;
}

interface Stored {
  version: string | null;
  oldestProcess: number;
}

/** How long a process that died while it migrated holds up the others. */
const LOCK_MS = 10_000;
const RENEW_MS = 3_000;
const POLL_MS = 100;

const DEPLOYMENT = '{aegis:deployment}';
/** Each is written by the first use of what it belongs to. They live in slots of their own. */
const DEPLOYMENT_DATA = ['{aegis:keys}:index', '{aegis:quotas}:version', '{aegis:audit}:log'];

export function createStoreSchema(options: StoreSchemaOptions): StoreSchema {
  const { redis, newToken, migrations = MIGRATIONS, keepsDeployment = true } = options;
  const scripts = createScriptRunner(redis);
  const version = versionAfter(migrations);
  const oldestKnown = (migrations[0]?.to ?? version + 1) - 1;
  const parts: Part[] = [
    ...options.regions.map((region) => ({
      region,
      prefix: regionKeys(region).prefix,
      called: `the store of ${region}`,
      holdsData: async () => (await redis.exists(regionKeys(region).counts)) > 0,
    })),
    {
      region: null,
      prefix: DEPLOYMENT,
      called: 'the store of keys and quotas',
      holdsData: async () => (await Promise.all(DEPLOYMENT_DATA.map((key) => redis.exists(key)))).some((n) => n > 0),
    },
  ];

  async function read(part: Part): Promise<Stored> {
    const [stored, oldest] = await redis.hmget(`${part.prefix}:meta`, 'schema', 'schemaOldest');
    return { version: stored ?? null, oldestProcess: Number(oldest ?? stored ?? 1) };
  }

  /** False when somebody else was faster: look again. */
  async function advance(part: Part, seen: string | null, to: number, oldest: number, token = ''): Promise<boolean> {
    return (await scripts.run('schema/advance', part.prefix, [seen ?? '', to, oldest, token])) === 1;
  }

  /** One step under the lock; false when another process holds it or was faster. */
  async function migrate(part: Part, step: Migration): Promise<boolean> {
    const token = newToken();
    const lock = async (ms: number) => (await scripts.run('schema/lock', part.prefix, [token, ms])) === 1;
    if (!(await lock(LOCK_MS))) return false;
    const renewing = setInterval(() => void lock(LOCK_MS).catch(() => undefined), RENEW_MS);
    try {
      const stored = await read(part);
      if (Number(stored.version) !== step.to - 1) return false;
      if (part.region === null) await step.deployment?.(redis);
      else await step.region?.(redis, part.region);
      return await advance(part, stored.version, step.to, Math.max(stored.oldestProcess, step.oldestProcess), token);
    } finally {
      clearInterval(renewing);
      await lock(0).catch(() => undefined);
    }
  }

  async function begin(part: Part): Promise<number | null> {
    if (await part.holdsData()) {
      await advance(part, null, 1, 1);
      return null;
    }
    return (await advance(part, null, version, oldestProcessAfter(migrations))) ? version : null;
  }

  async function ensurePart(part: Part): Promise<SchemaChange[]> {
    const changes: SchemaChange[] = [];
    for (;;) {
      const stored = await read(part);
      if (stored.version === null) {
        if (part.region === null && !keepsDeployment) return changes;
        const to = await begin(part);
        if (to !== null) changes.push({ region: part.region, from: null, to });
        continue;
      }
      const found = Number(stored.version);
      if (!Number.isInteger(found) || (found > version && stored.oldestProcess > version)) {
        throw tooOld(part, stored, version);
      }
      if (found >= version) return changes;
      const step = migrations.find(({ to }) => to === found + 1);
      if (!step) throw tooNew(part, found, { version, oldestKnown });
      if (await migrate(part, step)) changes.push({ region: part.region, from: found, to: step.to });
      else await delay(POLL_MS);
    }
  }

  return {
    version,
    async ensure() {
      // All of them, whatever one says: no migration is cut off, and of several faults the same one is told each time.
      const outcomes = await Promise.allSettled(parts.map(ensurePart));
      return outcomes.flatMap((outcome) => {
        if (outcome.status === 'rejected') throw outcome.reason;
        return outcome.value;
      });
    },
  };
}

function tooOld({ called }: Part, stored: Stored, version: number): SchemaError {
  return new SchemaError(
    `${called} in Redis has schema version ${stored.version}, for processes of version ${stored.oldestProcess} or newer, ` +
      `and this process has version ${version}: run the newer release, or restore a backup of Redis from before its ` +
      'upgrade (docs/upgrading.md)',
  );
}

function tooNew({ called }: Part, found: number, process: { version: number; oldestKnown: number }): SchemaError {
  return new SchemaError(
    `${called} in Redis has schema version ${found}, and this process has version ${process.version} and migrates from ` +
      `version ${process.oldestKnown} on: run a release in between first (docs/upgrading.md)`,
  );
}
