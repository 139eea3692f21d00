import { clientRoute, type Route } from '../../http/route.js';
import { apiKeyPathSchema, apiKeySchema, presentApiKey } from '../../schemas/api-key.js';
import { storedKey } from './get-key.js';

export function revokeKeyRoute(): Route {
  return clientRoute({
    method: 'delete',
    path: '/api/v1/admin/keys/{keyId}',
    operationId: 'revokeKey',
    tag: 'admin',
    summary: 'Revoke an API key for good; asking again changes nothing',
    scope: 'admin',
    params: apiKeyPathSchema,
    responses: {
      200: { description: 'It opens nothing any more, on any server, within a second', schema: apiKeySchema },
    },
    problems: ['key_not_found', 'store_unavailable'],
    async handle({ params }, { keys, now }) {
      await storedKey(keys.store, params.keyId);
      await keys.store.revoke(params.keyId, now());
      return { status: 200, body: presentApiKey(await storedKey(keys.store, params.keyId)) };
    },
  });
}
