import { readFileSync } from 'node:fs';
import { API_KEY_SCOPES, type ApiKeyScope } from '@aegis/config';
import { createReplicatedWrites, type RedisClient, type ReplicaWait } from '@aegis/relays';
import type { SecretHash } from './key-token.js';

/** An API key as it is stored. Times are Unix milliseconds. */
export interface StoredKey {
  id: string;
  name: string;
  tenant: string;
  scopes: ApiKeyScope[];
  createdAt: number;
  /** Null: never. */
  expiresAt: number | null;
  revokedAt: number | null;
  /** Written now and then, not at each use. */
  lastUsedAt: number | null;
  secret: SecretHash;
  /** The one before a rotation, while it is still good. */
  oldSecret: (SecretHash & { until: number }) | null;
}

export interface KeyStore {
  create(key: Omit<StoredKey, 'revokedAt' | 'lastUsedAt' | 'oldSecret'>): Promise<void>;
  get(id: string): Promise<StoredKey | null>;
  /** Newest first, after the one a cursor names. */
  list(page: { limit: number; cursor?: string }): Promise<StoredKey[]>;
  /** False when there is no such key or it was revoked. */
  rotate(id: string, secret: SecretHash, oldUntil: number): Promise<boolean>;
  /** The first revocation counts. */
  revoke(id: string, now: number): Promise<void>;
  used(id: string, now: number): Promise<void>;
}

/*
 * All keys live in one slot, which every request of a stored key reads about twice a second at most.
 *   {aegis:keys}:key:<id>  hash  the key; only salted hashes of its secrets
 *   {aegis:keys}:index     zset  score 0, by id: ids sort by time
 *   {aegis:keys}:used      hash  id → last used at
 */
const PREFIX = '{aegis:keys}';
const INDEX = `${PREFIX}:index`;
const USED = `${PREFIX}:used`;
const keyOf = (id: string): string => `${PREFIX}:key:${id}`;

export function createKeyStore(redis: RedisClient, replicaWait?: ReplicaWait): KeyStore {
  // A key that was revoked must not come back with a failover.
  const writes = createReplicatedWrites(redis, replicaWait);
  const rotateKey = readFileSync(new URL('../../lua/rotate-key.lua', import.meta.url), 'utf8');
  const get = async (id: string): Promise<StoredKey | null> => {
    const [fields, used] = await Promise.all([redis.hgetall(keyOf(id)), redis.hget(USED, id)]);
    return parseRecord(id, fields, used);
  };
  return {
    get,
    async create({ id, name, tenant, scopes, createdAt, expiresAt, secret }) {
      const fields = { name, tenant, scopes: scopes.join(' '), createdAt, ...secret };
      // The record first: an index entry without one would be a key that nobody could read.
      await writes.run(PREFIX, async (server) => {
        await server.hset(keyOf(id), { ...fields, ...(expiresAt !== null && { expiresAt }) });
        await server.zadd(INDEX, 0, id);
      });
    },
    async list({ limit, cursor }) {
      const ids = await redis.zrange(
        INDEX,
        cursor === undefined ? '+' : `(${cursor}`,
        '-',
        'BYLEX',
        'REV',
        'LIMIT',
        0,
        limit,
      );
      const keys = await Promise.all(ids.map(get));
      return keys.filter((key) => key !== null);
    },
    async rotate(id, { salt, hash }, oldUntil) {
      const rotated = await writes.run(PREFIX, (server) => server.eval(rotateKey, 1, keyOf(id), salt, hash, oldUntil));
      return rotated === 1;
    },
    async revoke(id, now) {
      await writes.run(PREFIX, (server) => server.hsetnx(keyOf(id), 'revokedAt', String(now)));
    },
    async used(id, now) {
      await redis.hset(USED, id, now);
    },
  };
}

function parseRecord(id: string, fields: Record<string, string>, used: string | null): StoredKey | null {
  const { name, tenant, salt, hash, oldSalt, oldHash, oldUntil } = fields;
  if (!name || !tenant || !salt || !hash) return null;
  const time = (value: string | null | undefined): number | null => (value ? Number(value) : null);
  const given = new Set(fields.scopes?.split(' '));
  return {
    id,
    name,
    tenant,
    scopes: API_KEY_SCOPES.filter((scope) => given.has(scope)),
    createdAt: Number(fields.createdAt),
    expiresAt: time(fields.expiresAt),
    revokedAt: time(fields.revokedAt),
    lastUsedAt: time(used),
    secret: { salt, hash },
    oldSecret: oldSalt && oldHash ? { salt: oldSalt, hash: oldHash, until: Number(oldUntil) } : null,
  };
}
