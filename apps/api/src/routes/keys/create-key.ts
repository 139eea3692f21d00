import { clientRoute, type Route } from '../../http/route.js';
import { newKeyId } from '../../keys/key-id.js';
import { issuedApiKeySchema, newApiKeySchema, presentApiKey } from '../../schemas/api-key.js';

export function createKeyRoute(): Route {
  return clientRoute({
    method: 'post',
    path: '/api/v1/admin/keys',
    operationId: 'createKey',
    tag: 'admin',
    summary: 'Make an API key',
    scope: 'admin',
    body: newApiKeySchema,
    responses: { 201: { description: 'The key, for the only time, and its record', schema: issuedApiKeySchema } },
    problems: ['store_unavailable'],
    async handle({ body }, { keys, now, random }) {
      const createdAt = now();
      const id = newKeyId(createdAt, random);
      const { token, stored } = keys.issue(id);
      const expiresAt = body.expiresAt ? Date.parse(body.expiresAt) : null;
      const { name, tenant, scopes } = body;
      const key = { id, name, tenant, scopes: [...new Set(scopes)], createdAt, expiresAt, secret: stored };
      await keys.store.create(key);
      const record = presentApiKey({ ...key, revokedAt: null, lastUsedAt: null, oldSecret: null });
      return { status: 201, body: { key: token, record } };
    },
  });
}
