import type { RedisClient } from '@aegis/relays';

/** One call that changed something, or tried to. It holds no body: what was sent may be secret. */
export interface AuditEntry {
  /** Unix milliseconds. */
  at: number;
  requestId: string;
  /** The `operationId` of the route. */
  operation: string;
  /** The relay, key, tenant … it was about; null when it named none. */
  target: string | null;
  tenant: string;
  keyName: string;
  /** Null for a key of the configuration. */
  keyId: string | null;
  address: string;
  status: number;
  /** The problem's code; null when it went well. */
  code: string | null;
}

export interface AuditLog {
  record(entry: AuditEntry): Promise<void>;
  /** Newest first, older than the entry a cursor names. */
  read(page: { limit: number; cursor?: string }): Promise<{ id: string; entry: AuditEntry }[]>;
}

/** A stream, cut to about this many entries: some weeks of a busy deployment. */
const KEY = '{aegis:audit}:log';
const KEPT = 100_000;

export const AUDIT_CURSOR = /^\d{1,15}-\d{1,10}$/;

export function createAuditLog(redis: RedisClient): AuditLog {
  return {
    async record(entry) {
      await redis.xadd(KEY, 'MAXLEN', '~', KEPT, '*', 'entry', JSON.stringify(entry));
    },
    async read({ limit, cursor }) {
      const found = await redis.xrevrange(KEY, cursor === undefined ? '+' : `(${cursor}`, '-', 'COUNT', limit);
      return found.map(([id, fields]) => ({ id, entry: JSON.parse(fields[1] ?? '{}') as AuditEntry }));
    },
  };
}
