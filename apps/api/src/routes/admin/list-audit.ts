import * as z from 'zod';
import { AUDIT_CURSOR } from '../../audit/audit-log.js';
import { Problem } from '../../http/problem.js';
import { clientRoute, type Route } from '../../http/route.js';
import { auditPageSchema, presentAuditEntry } from '../../schemas/audit.js';

const DEFAULT_PAGE = 50;
const MAX_PAGE = 200;

export function listAuditRoute(): Route {
  return clientRoute({
    method: 'get',
    path: '/api/v1/admin/audit',
    operationId: 'listAudit',
    tag: 'admin',
    summary: 'Read who changed what, newest first',
    scope: 'admin',
    query: z.strictObject({
      limit: z.coerce.number().int().min(1).max(MAX_PAGE).default(DEFAULT_PAGE),
      cursor: z.string().min(1).max(64).optional(),
    }),
    responses: { 200: { description: 'One page of entries', schema: auditPageSchema } },
    problems: ['invalid_cursor', 'store_unavailable'],
    async handle({ query }, { audit }) {
      const { limit, cursor } = query;
      if (cursor !== undefined && !AUDIT_CURSOR.test(cursor)) throw new Problem('invalid_cursor');
      const page = await audit.read({ limit, ...(cursor !== undefined && { cursor }) });
      const nextCursor = page.length === limit ? (page.at(-1)?.id ?? null) : null;
      return { status: 200, body: { entries: page.map(({ entry }) => presentAuditEntry(entry)), nextCursor } };
    },
  });
}
