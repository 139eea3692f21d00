import * as z from 'zod';
import { Problem } from '../../http/problem.js';
import { clientRoute, type Route } from '../../http/route.js';
import { KEY_ID } from '../../keys/key-id.js';
import { apiKeyPageSchema, presentApiKey } from '../../schemas/api-key.js';

const DEFAULT_PAGE = 50;
const MAX_PAGE = 200;

export function listKeysRoute(): Route {
  return clientRoute({
    method: 'get',
    path: '/api/v1/admin/keys',
    operationId: 'listKeys',
    tag: 'admin',
    summary: 'List the API keys of all tenants, newest first; those of the configuration are not among them',
    scope: 'admin',
    query: z.strictObject({
      limit: z.coerce.number().int().min(1).max(MAX_PAGE).default(DEFAULT_PAGE),
      cursor: z.string().min(1).max(64).optional(),
    }),
    responses: { 200: { description: 'One page of keys, without their secrets', schema: apiKeyPageSchema } },
    problems: ['invalid_cursor', 'store_unavailable'],
    async handle({ query }, { keys }) {
      const { limit, cursor } = query;
      if (cursor !== undefined && !KEY_ID.test(cursor)) throw new Problem('invalid_cursor');
      const page = await keys.store.list({ limit, ...(cursor !== undefined && { cursor }) });
      const nextCursor = page.length === limit ? (page.at(-1)?.id ?? null) : null;
      return { status: 200, body: { keys: page.map(presentApiKey), nextCursor } };
    },
  });
}
