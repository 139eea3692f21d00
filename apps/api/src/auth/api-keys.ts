import { hash, timingSafeEqual } from 'node:crypto';
import type { ApiKeyConfig, ApiKeyScope } from '@aegis/config';
import type { Logger } from '@aegis/logging';
import type { KeyStore, StoredKey } from '../keys/key-store.js';
import { isSecret, type PresentedKey, parseKey } from '../keys/key-token.js';

/** Who a request acts for. */
export interface Principal {
  /** Null for a key of the configuration. */
  keyId: string | null;
  /** The key's name, for logs. */
  keyName: string;
  tenant: string;
  scopes: ReadonlySet<ApiKeyScope>;
}

export type KeyVerdict =
  | { outcome: 'good'; principal: Principal }
  /** `unknown` tells nothing about what exists; the others are told to who holds the secret. */
  | { outcome: 'unknown' | 'expired' | 'revoked' };

export interface ApiKeys {
  /** Rejects with the store's errors when a stored key cannot be looked up. */
  find(presented: string): Promise<KeyVerdict>;
}

export interface ApiKeysOptions {
  configured: readonly ApiKeyConfig[];
  store: Pick<KeyStore, 'get' | 'used'>;
  /** The deployment's secret. */
  secret: string;
  logger: Logger;
  /** Unix milliseconds. */
  now: () => number;
}

export function createApiKeys({ configured, store, secret, logger, now }: ApiKeysOptions): ApiKeys {
  const findConfigured = createConfiguredKeys(configured);
  const read = createKeyCache(store, now);
  const noteUse = createUseNotes(store, logger);
  return {
    async find(presented) {
      const key = parseKey(secret, presented);
      if (key === null) {
        const principal = findConfigured(presented);
        return principal ? { outcome: 'good', principal } : { outcome: 'unknown' };
      }
      const time = now();
      let verdict = judge(await read.kept(key.id), key, time);
      // It was issued here, so what is kept of it may be older than it: a key is good from the moment it is shown.
      if (verdict.outcome === 'unknown') verdict = judge(await read.anew(key.id), key, time);
      if (verdict.outcome === 'good') noteUse(key.id, time);
      return verdict;
    },
  };
}

function createConfiguredKeys(configured: readonly ApiKeyConfig[]): (presented: string) => Principal | null {
  const keys = configured.map((key) => ({
    sha256: Buffer.from(key.sha256, 'hex'),
    principal: {
      keyId: null,
      keyName: key.name,
      tenant: key.tenant,
      scopes: new Set(key.scopes),
    } satisfies Principal,
  }));
  return (presented) => {
    const sha256 = hash('sha256', presented, 'buffer');
    let found: Principal | null = null;
    // Every key is compared, in constant time: how long an answer takes tells nothing about how near a guess came.
    for (const key of keys) {
      if (timingSafeEqual(sha256, key.sha256)) found = key.principal;
    }
    return found;
  };
}

function judge(stored: StoredKey | null, { secret }: PresentedKey, now: number): KeyVerdict {
  if (stored === null) return { outcome: 'unknown' };
  const { oldSecret } = stored;
  const current = isSecret(secret, stored.secret);
  const former = oldSecret !== null && now < oldSecret.until && isSecret(secret, oldSecret);
  if (!current && !former) return { outcome: 'unknown' };
  if (stored.revokedAt !== null) return { outcome: 'revoked' };
  if (stored.expiresAt !== null && now >= stored.expiresAt) return { outcome: 'expired' };
  const { id, name, tenant, scopes } = stored;
  return { outcome: 'good', principal: { keyId: id, keyName: name, tenant, scopes: new Set(scopes) } };
}

/** With this, a change of a key is in effect on every replica within half a second, with nothing to be announced. */
const CACHE_MS = 500;
const CACHE_SIZE = 10_000;

/** One read of a key serves all of its requests for a moment; those that come while it is read share it. */
function createKeyCache(store: Pick<KeyStore, 'get'>, now: () => number) {
  const cache = new Map<string, { readAt: number; key: Promise<StoredKey | null> }>();
  const anew = (id: string): Promise<StoredKey | null> => {
    const entry = { readAt: now(), key: store.get(id) };
    // A read that failed is nobody's answer but its own askers'.
    entry.key.catch(() => {
      if (cache.get(id) === entry) cache.delete(id);
    });
    if (cache.size >= CACHE_SIZE) cache.clear();
    cache.set(id, entry);
    return entry.key;
  };
  const kept = (id: string): Promise<StoredKey | null> => {
    const entry = cache.get(id);
    const age = entry ? now() - entry.readAt : CACHE_MS;
    return entry && age >= 0 && age < CACHE_MS ? entry.key : anew(id);
  };
  return { kept, anew };
}

const NOTE_EVERY_MS = 10_000;

function createUseNotes(store: Pick<KeyStore, 'used'>, logger: Logger): (id: string, now: number) => void {
  const noted = new Map<string, number>();
  return (id, now) => {
    if (now - (noted.get(id) ?? 0) < NOTE_EVERY_MS) return;
    if (noted.size >= CACHE_SIZE) noted.clear();
    noted.set(id, now);
    store.used(id, now).catch((error) => logger.debug('the use of a key was not noted', { keyId: id, error }));
  };
}
