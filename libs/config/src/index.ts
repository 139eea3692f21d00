export * from './config-error.js';
export {
  type AegisConfig,
  API_KEY_SCOPES,
  type ApiKeyConfig,
  type ApiKeyScope,
  type RegionConfig,
} from './config-schema.js';
export * from './load-config.js';
export { hashApiKey, LOCAL_API_KEY, LOCAL_ENVIRONMENT } from './local-environment.js';
export { configJsonSchema, SETTINGS, type Setting, type SettingType } from './settings.js';
export * from './warm-pool-target.js';
