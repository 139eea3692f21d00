import { readFileSync } from 'node:fs';
import type * as z from 'zod';
import { ConfigError, type ConfigFault } from './config-error.js';
import { type AegisConfig, configSchema } from './config-schema.js';
import { crossChecks } from './cross-checks.js';
import { describeIssue, describeUnknownKey } from './describe-issue.js';
import { readEnvironment } from './environment-source.js';
import { readConfigFile } from './file-source.js';
import { LOCAL_API_KEY_ENTRY, LOCAL_ENVIRONMENT, LOCAL_RATE_LIMITS, LOCAL_SECRET } from './local-environment.js';
import { dotted, isRecord, mergeLayers, type Path, type RawConfig, valueAt } from './raw-config.js';
import { configJsonSchema, type Setting, settingAt } from './settings.js';
import type { Outside, Source } from './source.js';

export interface LoadConfigOptions {
  env: Outside['env'];
  readFile?: Outside['readFile'];
}

/**
 * Reads the YAML file named by `AEGIS_CONFIG`, if any, and the environment over it. Throws one `ConfigError` that lists
 * everything that is wrong.
 */
export function loadConfig(options: LoadConfigOptions): AegisConfig {
  const { config, findings } = examine(options);
  if (config === null || findings.length > 0) throw new ConfigError(findings.map(({ fault }) => fault));
  return config.environment === LOCAL_ENVIRONMENT ? withLocalKey(config) : config;
}

/**
 * All that `loadConfig` would find wrong. Where a configuration is written its secrets are often not at hand: those that are
 * missing are told apart from what is wrong.
 */
export function checkConfig(options: LoadConfigOptions): { faults: ConfigFault[]; absentSecrets: ConfigFault[] } {
  const { findings } = examine(options);
  const which = (absent: boolean) =>
    findings.flatMap(({ fault, absentSecret }) => (absentSecret === absent ? fault : []));
  return { faults: which(false), absentSecrets: which(true) };
}

interface Finding {
  fault: ConfigFault;
  /** A secret is not there, which is wrong only where it is needed. */
  absentSecret: boolean;
}

function examine(options: LoadConfigOptions): { config: AegisConfig | null; findings: Finding[] } {
  const outside: Outside = { env: options.env, readFile: options.readFile ?? ((path) => readFileSync(path, 'utf8')) };
  const environment = readEnvironment(outside);
  const path = options.env.AEGIS_CONFIG;
  const sources = path ? [environment, readConfigFile(path, outside)] : [environment];

  const given = mergeLayers({ api: {}, environment: 'production' }, ...sources.map(({ values }) => values).reverse());
  const raw = given.environment === LOCAL_ENVIRONMENT ? mergeLayers(localDefaults(given), given) : given;
  const parsed = configSchema.safeParse(raw);
  const as = (absentSecret: boolean) => (fault: ConfigFault) => ({ fault, absentSecret });
  const findings = [
    ...sources.flatMap((source) => [...source.faults.map(as(false)), ...source.unreadSecrets.map(as(true))]),
    ...(parsed.success ? [] : parsed.error.issues)
      .filter((issue) => valueAt(raw, issue.path) !== undefined || !isUnread(issue.path, sources))
      .flatMap((issue) => issueFaults(issue, raw, sources).map(as(isAbsentSecret(issue.path, raw)))),
    ...crossChecks(raw).map(({ path: at, problem }) => as(false)({ where: locate(at, sources), problem })),
  ];
  return { config: parsed.success ? parsed.data : null, findings };
}

function isAbsentSecret(path: Path, raw: RawConfig): boolean {
  return settingAt(path)?.secret === true && valueAt(raw, path) === undefined;
}

/** What only the one-command stack may leave out. */
function localDefaults(given: RawConfig): RawConfig {
  const port = valueAt(given, ['api', 'port']) ?? configSchema.shape.api.shape.port.parse(undefined);
  return {
    deploymentId: LOCAL_ENVIRONMENT,
    secret: LOCAL_SECRET,
    redisUrl: 'redis://127.0.0.1:6379',
    // Whatever is tried on one's own machine, limits meant for strangers are not in the way.
    api: { publicUrl: `http://127.0.0.1:${String(port)}`, rateLimits: LOCAL_RATE_LIMITS },
  };
}

function withLocalKey(config: AegisConfig): AegisConfig {
  if (config.api.keys.some((key) => key.sha256 === LOCAL_API_KEY_ENTRY.sha256)) return config;
  return { ...config, api: { ...config.api, keys: [...config.api.keys, LOCAL_API_KEY_ENTRY] } };
}

function isUnread(path: Path, sources: readonly Source[]): boolean {
  return sources.some(({ unread }) => unread.some((start) => start.every((key, index) => key === path[index])));
}

function issueFaults(issue: z.core.$ZodIssue, raw: RawConfig, sources: readonly Source[]): ConfigFault[] {
  if (issue.code === 'unrecognized_keys') {
    const known = knownKeys(issue.path);
    return issue.keys.map((key) => ({
      where: locate([...issue.path, key], sources),
      problem: describeUnknownKey(key, known),
    }));
  }
  const value = valueAt(raw, issue.path);
  const setting = settingAt(issue.path);
  const problem = describeIssue(issue, value, { secret: setting?.secret ?? false });
  const hint = value === undefined ? `: ${setting ? wayToSet(setting) : 'add it'}` : serviceLinkHint(value);
  return [{ where: locate(issue.path, sources), problem: `${problem}${hint}` }];
}

function wayToSet({ env, secret, path }: Setting): string {
  return secret ? `set ${env}, or ${env}_FILE to a file that holds it` : `set ${env}, or ${dotted(path)} in the file`;
}

/** A Service called `aegis-api` makes Kubernetes set `AEGIS_API_PORT=tcp://…` in every pod. */
function serviceLinkHint(value: unknown): string {
  const linked = typeof value === 'string' && /^tcp:\/\/[\d.:]+$/.test(value);
  return linked ? '; Kubernetes set it: give the pod enableServiceLinks: false' : '';
}

function locate(path: Path, sources: readonly Source[]): string {
  for (const source of sources) {
    const place = source.locate(path);
    if (place !== null) return place;
  }
  return dotted(path);
}

/** The keys a mapping of the file may have, from the schema. */
function knownKeys(path: Path): string[] {
  let at: unknown = configJsonSchema();
  for (const key of path) at = typeof key === 'number' ? valueAt(at, ['items']) : valueAt(at, ['properties', key]);
  const properties = valueAt(at, ['properties']);
  return isRecord(properties) ? Object.keys(properties) : [];
}
