import { API_KEY_SCOPES } from '@aegis/config';
import * as z from 'zod';
import type { StoredKey } from '../keys/key-store.js';
import { tenantSchema } from './tenant.js';
import { timestampSchema, toTimestamp, toTimestampOrNull } from './timestamp.js';

const scopesSchema = z.array(z.enum(API_KEY_SCOPES)).min(1).max(API_KEY_SCOPES.length);

export const newApiKeySchema = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9_-]{0,62}$/, '1 to 63 of a-z, 0-9, - and _, starting with a letter or digit')
    .describe('How logs call the key'),
  tenant: tenantSchema.describe('Whose relays the key sees and touches'),
  scopes: scopesSchema,
  expiresAt: timestampSchema.nullish().describe('Default: never'),
});

export const apiKeySchema = z
  .strictObject({
    id: z.string(),
    name: z.string(),
    tenant: z.string(),
    scopes: scopesSchema,
    createdAt: timestampSchema,
    expiresAt: timestampSchema.nullable(),
    revokedAt: timestampSchema.nullable(),
    lastUsedAt: timestampSchema.nullable().describe('To within some seconds'),
  })
  .meta({ id: 'ApiKey' });

/** The only answers that ever hold a key itself. */
export const issuedApiKeySchema = z
  .strictObject({ key: z.string().describe('Shown this once; stored nowhere'), record: apiKeySchema })
  .meta({ id: 'IssuedApiKey' });

export const apiKeyPageSchema = z
  .strictObject({
    keys: z.array(apiKeySchema),
    nextCursor: z.string().nullable().describe('Value of `cursor` for the next page; null when this was the last'),
  })
  .meta({ id: 'ApiKeyPage' });

export const apiKeyPathSchema = z.object({ keyId: z.string() });

export function presentApiKey(key: StoredKey): z.infer<typeof apiKeySchema> {
  return {
    id: key.id,
    name: key.name,
    tenant: key.tenant,
    scopes: key.scopes,
    createdAt: toTimestamp(key.createdAt),
    expiresAt: toTimestampOrNull(key.expiresAt),
    revokedAt: toTimestampOrNull(key.revokedAt),
    lastUsedAt: toTimestampOrNull(key.lastUsedAt),
  };
}
