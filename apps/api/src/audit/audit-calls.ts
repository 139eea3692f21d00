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

/** Notes a call of a known key that changes something, once it has been answered. Reads are not noted. */
export type AuditCall = (call: AuditedCall) => void;

export interface AuditCallsOptions {
  log: Pick<AuditLog, 'record'>;
  logger: Logger;
  /** Unix milliseconds. */
  now: () => number;
}

export function createAuditCalls({ log, logger, now }: AuditCallsOptions): AuditCall {
  return ({ route, principal, response }) => {
    if (route.method === 'get') return;
    response.once('close', () => {
      const { requestId, address, target, problemCode } = contextOf(response);
      const { tenant, keyName, keyId } = principal;
      const entry = {
        at: now(),
        requestId,
        operation: route.operationId,
        target,
        tenant,
        keyName,
        keyId,
        address,
        status: response.statusCode,
        code: problemCode,
      };
      // The answer has gone: all that can be done for an entry that finds no store is to keep it in the log.
      log.record(entry).catch((error) => logger.warn('audit entry not stored', { entry, error }));
    });
  };
}
