import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { OLDEST_PROCESS, SCHEMA_VERSION } from './migrations.js';
import type { RedisClient } from './redis-client.js';
import { createReplicatedWrites, type ReplicaWait } from './replicated-writes.js';

export const SCRIPTS = [
  'create',
  'renew',
  'request-termination',
  'check-in',
  'heartbeat',
  'launch-work',
  'open-intent',
  'is-intent-open',
  'settle-intent',
  'fail-pending',
  'observe-instances',
  'expire-due',
  'record-terminations',
  'prune-ended',
  'stock-warm-pool',
  'claim-instances',
  'is-verified',
  'begin-sweep',
  'finish-sweep',
  'note-event',
  'find-live',
  'tenant/take-slot',
  'tenant/free-slots',
  'schema/advance',
  'schema/lock',
] as const;
export type ScriptName = (typeof SCRIPTS)[number];

/** What a client is told is done, or what is about to be asked of EC2: not to be forgotten by a failover. */
const REPLICATED: ReadonlySet<ScriptName> = new Set(['create', 'renew', 'request-termination', 'open-intent']);

/**
 * Runs the scripts, one `lua/<name>.lua` each: those of a region behind the shared `lua/include/region.lua`, those in
 * folders by themselves.
 */
export interface ScriptRunner {
  /** KEYS[1] is `prefix`. Replies as documented in the script's header. */
  run(name: ScriptName, prefix: string, args: readonly (string | number)[]): Promise<unknown>;
}

/** With `wait`, the scripts whose outcome others rely on reply once enough replicas have it. */
export function createScriptRunner(redis: RedisClient, wait?: ReplicaWait): ScriptRunner {
  const writes = wait && wait.replicas > 0 ? createReplicatedWrites(redis, wait) : null;
  const read = (path: string) => readFileSync(new URL(`../lua/${path}.lua`, import.meta.url), 'utf8');
  const shared = `local SCHEMA, SCHEMA_OLDEST = ${SCHEMA_VERSION}, ${OLDEST_PROCESS}\n${read('include/region')}`;
  const scripts = new Map(
    SCRIPTS.map((name) => {
      const text = name.includes('/') ? read(name) : `${shared}\n${read(name)}`;
      return [name, { text, sha: createHash('sha1').update(text).digest('hex') }];
    }),
  );
  // Loaded ahead, so that no first call falls back to a second round trip, letting a later command overtake it. On a
  // cluster, and when loading fails, the fall-back serves.
  const load = () => {
    for (const { text } of scripts.values()) redis.script('LOAD', text).catch(() => undefined);
  };
  if (!redis.isCluster) {
    redis.on('ready', load);
    if (redis.status === 'ready') load();
  }
  const runOn = async (on: RedisClient, name: ScriptName, prefix: string, args: readonly (string | number)[]) => {
    const script = scripts.get(name);
    if (!script) throw new Error(`no such script: ${name}`);
    try {
      return await on.evalsha(script.sha, 1, prefix, ...args);
    } catch (error) {
      // A Redis that restarted or failed over has not seen the script yet.
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
      return on.eval(script.text, 1, prefix, ...args);
    }
  };
  return {
    run: (name, prefix, args) =>
      writes !== null && REPLICATED.has(name)
        ? writes.run(prefix, (on) => runOn(on, name, prefix, args))
        : runOn(redis, name, prefix, args),
  };
}
