import { Problem } from '../../http/problem.js';
import { clientRoute, type Route } from '../../http/route.js';
import type { KeyStore, StoredKey } from '../../keys/key-store.js';
import { apiKeyPathSchema, apiKeySchema, presentApiKey } from '../../schemas/api-key.js';

export function getKeyRoute(): Route {
  return clientRoute({
    method: 'get',
    path: '/api/v1/admin/keys/{keyId}',
    operationId: 'getKey',
    tag: 'admin',
    summary: 'Read the record of an API key',
    scope: 'admin',
    params: apiKeyPathSchema,
    responses: { 200: { description: 'The record', schema: apiKeySchema } },
    problems: ['key_not_found', 'store_unavailable'],
    handle: async ({ params }, { keys }) => ({
      status: 200,
      body: presentApiKey(await storedKey(keys.store, params.keyId)),
    }),
  });
}

export async function storedKey(store: Pick<KeyStore, 'get'>, id: string): Promise<StoredKey> {
  const key = await store.get(id);
  if (key === null) throw new Problem('key_not_found');
  return key;
}
