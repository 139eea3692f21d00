import type { Logger } from '@aegis/logging';
import type { RedisClient } from './redis-client.js';
import { retryFor } from './retry-for.js';
import { isOperatorError } from './startup-error.js';

/** How soon a store that was replaced without a broken connection (a flush) is noticed. */
const INTERVAL_MS = 2_000;
/** A late answer of Redis does not end a start. */
const PATIENCE_MS = 5_000;

/** What keeps the store's layout and this process in step. */
export interface SchemaKeeper {
  /** Before anything uses the store. Rejects, for the operator, when it must not be used. */
  prepare(): Promise<void>;
  /** Looks again now and then, and whenever Redis is back: it may hold another store. */
  start(): void;
  stop(): void;
  /** Aborts, with the reason, when the store has become one that this process must not use. */
  readonly failed: AbortSignal;
}

export interface SchemaKeeperOptions {
  schema: {
    readonly version: number;
    ensure(): Promise<readonly { region: string | null; from: number | null; to: number }[]>;
  };
  redis: Pick<RedisClient, 'on' | 'off'>;
  logger: Logger;
  intervalMs?: number;
}

export function createSchemaKeeper({ schema, redis, logger, intervalMs }: SchemaKeeperOptions): SchemaKeeper {
  const failure = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let looking = false;

  const ensure = async (): Promise<void> => {
    for (const { region, from, to } of await schema.ensure()) {
      const what = { region: region ?? 'deployment', ...(from !== null && { from }), version: to };
      if (from === null) logger.info('store is new', what);
      else logger.warn('store migrated', what);
    }
  };

  const stop = (): void => {
    clearInterval(timer);
    redis.off('ready', look);
  };

  const look = (): void => {
    if (looking) return;
    looking = true;
    ensure()
      .catch((error: unknown) => {
        // A Redis that is away is reported by who owns the connection; a migration that failed is tried again.
        if (!isOperatorError(error)) return logger.warn('the version of the store is not confirmed', { error });
        stop();
        failure.abort(error);
      })
      .finally(() => {
        looking = false;
      });
  };

  return {
    prepare: () => retryFor(PATIENCE_MS, ensure),
    start() {
      timer = setInterval(look, intervalMs ?? INTERVAL_MS);
      redis.on('ready', look);
    },
    stop,
    failed: failure.signal,
  };
}
