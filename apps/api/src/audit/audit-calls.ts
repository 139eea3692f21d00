import type { Logger } from '@aegis/logging';
import type { Response } from 'express';
import type { Principal } from '../auth/api-keys.js';
import { contextOf } from '../http/request-context.js';
import type { Route } from '../http/route.js';
import type { AuditLog } from './audit-log.js';

export interface AuditedCall {
  route: Route;
  principal: Principal;
  response: Response;
}

export interface CallOutcome {
  status: number;
  /** The problem's code; null when it went well. */
  code: string | null;
}

/**
 * Notes a call of a known key that changes something, as it is about to be answered: who has its answer has its entry.
 * Reads are not noted. Never rejects: what cannot be stored is kept in the log.
 */
export type AuditCall = (call: AuditedCall, outcome: CallOutcome) => Promise<void>;

export interface AuditCallsOptions {
  log: Pick<AuditLog, 'record'>;
  logger: Logger;
  /** Unix milliseconds. */
  now: () => number;
}

export function createAuditCalls({ log, logger, now }: AuditCallsOptions): AuditCall {
  return async ({ route, principal, response }, { status, code }) => {
    if (route.method === 'get') return;
    const { requestId, address, target } = contextOf(response);
    const { tenant, keyName, keyId } = principal;
    const operation = route.operationId;
    const entry = { at: now(), requestId, operation, target, tenant, keyName, keyId, address, status, code };
    const stored = log.record(entry).catch((error) => logger.warn('audit entry not stored', { entry, error }));
    // The store has just been waited for in vain.
    if (code !== 'store_unavailable') await stored;
  };
}
