import * as z from 'zod';
import { configSchema } from './config-schema.js';

export type SettingType = 'string' | 'integer' | 'boolean' | 'list';

/** One key of the configuration that can be set as a whole, from the file or by the environment. */
export interface Setting {
  /** `['api', 'port']`. */
  path: readonly string[];
  /** `AEGIS_API_PORT`. */
  env: string;
  type: SettingType;
  /** Secrets may come from a file named by `<env>_FILE` or, in the YAML file, by `<key>File`. */
  secret: boolean;
  default: unknown;
  description: string;
}

interface JsonSchema {
  type?: string;
  properties?: Record<string, JsonSchema>;
  items?: JsonSchema;
  required?: string[];
  default?: unknown;
  description?: string;
  [keyword: string]: unknown;
}

/** Names that came before the rule, or that other tools expect. */
const SPECIAL_ENV: Record<string, string> = {
  environment: 'AEGIS_ENV',
  redisUrl: 'REDIS_URL',
  'api.publicUrl': 'AEGIS_PUBLIC_URL',
};

const SECRETS: ReadonlySet<string> = new Set([
  'secret',
  'redisUrl',
  'redis.password',
  'redis.sentinelPassword',
  'api.metrics.bearerToken',
  'jobs.metrics.bearerToken',
]);

/** A Redis URL without a password is no secret and may stand in the YAML file. */
const SECRETS_ALLOWED_IN_FILE: ReadonlySet<string> = new Set(['redisUrl']);

export const SETTINGS: readonly Setting[] = collectSettings(inputSchema(), []);

export function settingAt(path: readonly PropertyKey[]): Setting | undefined {
  const dotted = path.join('.');
  return SETTINGS.find((setting) => setting.path.join('.') === dotted);
}

export function mayStandInFile(setting: Setting): boolean {
  return !setting.secret || SECRETS_ALLOWED_IN_FILE.has(setting.path.join('.'));
}

/** JSON Schema (2020-12) of the YAML file, for editors. */
export function configJsonSchema(): object {
  const schema = structuredClone(inputSchema());
  for (const setting of SETTINGS) {
    const parent = setting.path.slice(0, -1).reduce<JsonSchema | undefined>((at, key) => at?.properties?.[key], schema);
    const key = setting.path.at(-1) ?? '';
    if (!parent?.properties) continue;
    // The environment may give what the file leaves out, so the file alone requires nothing here.
    delete parent.required;
    if (!setting.secret) continue;
    if (!mayStandInFile(setting)) delete parent.properties[key];
    parent.properties[`${key}File`] = { type: 'string', description: `File that holds it: ${setting.description}` };
  }
  return { title: 'Aegis configuration', ...schema };
}

function inputSchema(): JsonSchema {
  return z.toJSONSchema(configSchema, { io: 'input' }) as JsonSchema;
}

function collectSettings(schema: JsonSchema, path: readonly string[]): Setting[] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, property]) => {
    const inner = [...path, key];
    return property.properties ? collectSettings(property, inner) : [toSetting(property, inner)];
  });
}

function toSetting(schema: JsonSchema, path: readonly string[]): Setting {
  const dotted = path.join('.');
  return {
    path,
    env: SPECIAL_ENV[dotted] ?? `AEGIS_${dotted.replace(/[A-Z]/g, '_$&').replaceAll('.', '_').toUpperCase()}`,
    type: settingType(schema),
    secret: SECRETS.has(dotted),
    default: schema.default,
    description: schema.description ?? '',
  };
}

function settingType(schema: JsonSchema): SettingType {
  switch (schema.type) {
    case 'string':
    case 'integer':
    case 'boolean':
      return schema.type;
    case 'array':
      return 'list';
    default:
      throw new Error(`the configuration schema has a setting of the unknown type ${schema.type}`);
  }
}
