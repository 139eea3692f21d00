import type { ConfigFault } from './config-error.js';
import { parseYaml } from './parse-yaml.js';
import { dotted, isRecord, type Path, type RawConfig, valueAt } from './raw-config.js';
import { mayStandInFile, SETTINGS, type Setting } from './settings.js';
import { type Outside, readFailure, readSecretFile, type Source } from './source.js';

/** Reads the YAML file. A key without a value counts as absent. */
export function readConfigFile(path: string, outside: Outside): Source {
  const failed = (...faults: ConfigFault[]): Source => ({
    values: {},
    faults,
    unreadSecrets: [],
    unread: [[]],
    locate: () => null,
  });
  let text: string;
  try {
    text = outside.readFile(path);
  } catch (error) {
    return failed({ where: 'AEGIS_CONFIG', problem: `cannot read ${path} (${readFailure(error)})` });
  }
  const parsed = parseYaml(text);
  if (!parsed.ok) {
    return failed(...parsed.errors.map(({ line, message }) => ({ where: `${path}:${line}`, problem: message })));
  }
  const values = withoutNulls(parsed.value ?? {});
  if (!isRecord(values)) return failed({ where: path, problem: 'must be a mapping of keys, such as "logLevel: info"' });
  /** The line of a key, or of the nearest one around it when the key itself is missing. */
  const locate = (at: Path): string | null => {
    for (let depth = at.length; depth > 0; depth -= 1) {
      const line = parsed.lineOf(at.slice(0, depth));
      if (line !== null) return `${path}:${line}: ${dotted(at)}`;
    }
    return null;
  };
  return { values, locate, ...resolveSecrets(values, locate, outside) };
}

/** Replaces `secretFile: PATH` by `secret: <content>`, and refuses secrets that stand in the file themselves. */
function resolveSecrets(
  values: RawConfig,
  locate: Source['locate'],
  outside: Outside,
): Pick<Source, 'faults' | 'unreadSecrets' | 'unread'> {
  const faults: ConfigFault[] = [];
  const unreadSecrets: ConfigFault[] = [];
  const unread: Path[] = [];
  for (const setting of SETTINGS.filter(({ secret }) => secret)) {
    const parentPath = setting.path.slice(0, -1);
    const parent = valueAt(values, parentPath);
    if (!isRecord(parent)) continue;
    const key = setting.path.at(-1) ?? '';
    const fileKey = `${key}File`;
    const inline = parent[key];
    if (inline !== undefined && (!mayStandInFile(setting) || hasPassword(inline))) {
      faults.push({ where: locate(setting.path) ?? key, problem: inlineSecretProblem(setting, fileKey) });
    }
    const path = parent[fileKey];
    if (typeof path !== 'string') continue;
    delete parent[fileKey];
    const where = locate([...parentPath, fileKey]) ?? fileKey;
    if (inline !== undefined) faults.push({ where, problem: `${key} is set too: keep one of the two` });
    const secret = readSecretFile(path, { where, readFile: outside.readFile, faults, unreadSecrets });
    if (secret === null) unread.push(setting.path);
    else parent[key] = secret;
  }
  return { faults, unreadSecrets, unread };
}

function inlineSecretProblem({ env }: Setting, fileKey: string): string {
  return `secrets do not belong in this file: use ${fileKey} here, or ${env} or ${env}_FILE in the environment`;
}

function hasPassword(value: unknown): boolean {
  return typeof value === 'string' && URL.canParse(value) && new URL(value).password !== '';
}

function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isRecord(value)) return value;
  const present = Object.entries(value).filter(([, item]) => item !== null);
  return Object.fromEntries(present.map(([key, item]) => [key, withoutNulls(item)]));
}
