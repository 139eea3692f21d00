import { createHash } from 'node:crypto';
import { API_KEY_SCOPES, type ApiKeyConfig } from './config-schema.js';

/** The environment of the one-command stack. Only it has a known secret and a known key. */
export const LOCAL_ENVIRONMENT = 'local';

/** The fixed API key of the local stack; refused in every other environment. */
export const LOCAL_API_KEY = 'aegis-local-dev-key';

/** Published in this very file, hence refused in every other environment. */
export const LOCAL_SECRET = 'aegis-local-secret-known-to-everybody';

const PLENTY = 1_000_000;
export const LOCAL_RATE_LIMITS = { read: PLENTY, write: PLENTY, admin: PLENTY, unauthenticated: PLENTY };

/** The form in which API keys are configured and compared. */
export function hashApiKey(key: string): string {
  return createHash('sha256').update(key, 'utf8').digest('hex');
}

export const LOCAL_API_KEY_ENTRY: ApiKeyConfig = {
  name: 'local-dev',
  tenant: 'local',
  sha256: hashApiKey(LOCAL_API_KEY),
  scopes: [...API_KEY_SCOPES],
};
