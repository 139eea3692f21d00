import * as z from 'zod';
import { Problem } from '../../http/problem.js';
import { clientRoute, type Route } from '../../http/route.js';
import { apiKeyPathSchema, issuedApiKeySchema, presentApiKey } from '../../schemas/api-key.js';
import { storedKey } from './get-key.js';

const WEEK_SECONDS = 7 * 86_400;

export function rotateKeyRoute(): Route {
  return clientRoute({
    method: 'post',
    path: '/api/v1/admin/keys/{keyId}/rotate',
    operationId: 'rotateKey',
    tag: 'admin',
    summary: 'Replace the secret of an API key',
    scope: 'admin',
    params: apiKeyPathSchema,
    body: z
      .strictObject({
        graceSeconds: z
          .number()
          .int()
          .min(0)
          .max(WEEK_SECONDS)
          .describe('How long the secret before stays good. Default: 0')
          .optional(),
      })
      .optional(),
    responses: { 200: { description: 'The new key, for the only time, and its record', schema: issuedApiKeySchema } },
    problems: ['key_not_found', 'key_revoked', 'store_unavailable'],
    async handle({ params, body }, { keys, now }) {
      const before = await storedKey(keys.store, params.keyId);
      const { token, stored } = keys.issue(before.id);
      const rotated = await keys.store.rotate(before.id, stored, now() + (body?.graceSeconds ?? 0) * 1000);
      if (!rotated) throw new Problem('key_revoked');
      return { status: 200, body: { key: token, record: presentApiKey(before) } };
    },
  });
}
