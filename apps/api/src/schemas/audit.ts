import * as z from 'zod';
import type { AuditEntry } from '../audit/audit-log.js';
import { timestampSchema, toTimestamp } from './timestamp.js';

const auditEntrySchema = z
  .strictObject({
    time: timestampSchema,
    requestId: z.string(),
    operation: z.string().describe('The operationId in this document'),
    target: z.string().nullable().describe('The relay, key or tenant it was about'),
    tenant: z.string(),
    keyName: z.string(),
    keyId: z.string().nullable().describe('Null for a key of the configuration'),
    address: z.string().describe("The client's network address"),
    status: z.number().int(),
    code: z.string().nullable().describe("The problem's code; null when it went well"),
  })
  .meta({ id: 'AuditEntry' });

export const auditPageSchema = z
  .strictObject({
    entries: z.array(auditEntrySchema),
    nextCursor: z.string().nullable().describe('Value of `cursor` for the next page; null when this was the last'),
  })
  .meta({ id: 'AuditPage' });

export function presentAuditEntry({ at, ...entry }: AuditEntry): z.infer<typeof auditEntrySchema> {
  return { time: toTimestamp(at), ...entry };
}
