import type { ConfigFault } from './config-error.js';
import { nearestName } from './nearest-name.js';
import { parseYaml } from './parse-yaml.js';
import { dotted, type Path, type RawConfig, setAt } from './raw-config.js';
import { SETTINGS, type Setting } from './settings.js';
import { type Outside, readSecretFile, type Source } from './source.js';

/** Names of the project's own tools, which share the environment with the apps they start. */
const TOOL_NAMES = /^AEGIS_(SIM|TEST|STACK|BENCH|CHAOS|CLI|PROMETHEUS|ALERTMANAGER)_/;
/** Kubernetes adds these for every Service called `aegis-…`. */
const SERVICE_LINKS = /_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP)\w*)$/;

const KNOWN_NAMES: ReadonlySet<string> = new Set([
  'AEGIS_CONFIG',
  ...SETTINGS.flatMap(({ env, secret }) => (secret ? [env, `${env}_FILE`] : [env])),
]);

/** Reads every setting's variable. An empty one counts as not set. */
export function readEnvironment(outside: Outside): Source {
  const faults: ConfigFault[] = unknownNames(outside.env);
  const unreadSecrets: ConfigFault[] = [];
  const values: RawConfig = {};
  const unread: Path[] = [];
  const origins = new Map<Setting, string>();
  for (const setting of SETTINGS) {
    const found = readSetting(setting, outside, { faults, unreadSecrets });
    if (found === 'unset') continue;
    if (found === 'unread') {
      unread.push(setting.path);
      continue;
    }
    setAt(values, setting.path, found.value);
    origins.set(setting, found.name);
  }
  return {
    values,
    faults,
    unreadSecrets,
    unread,
    locate(path) {
      for (const [setting, name] of origins) {
        if (!setting.path.every((key, index) => key === path[index])) continue;
        const inner = dotted(path.slice(setting.path.length));
        return inner === '' || inner.startsWith('[') ? `${name}${inner}` : `${name}.${inner}`;
      }
      return null;
    },
  };
}

/** A mistyped name would otherwise be ignored in silence, and its default would rule. */
function unknownNames(env: Outside['env']): ConfigFault[] {
  const unknown = Object.keys(env).filter(
    (name) =>
      name.startsWith('AEGIS_') &&
      env[name] &&
      !KNOWN_NAMES.has(name) &&
      !TOOL_NAMES.test(name) &&
      !SERVICE_LINKS.test(name),
  );
  return unknown.map((where) => {
    const nearest = nearestName(where, KNOWN_NAMES);
    return { where, problem: `no such setting: ${nearest ? `did you mean ${nearest}?` : 'remove it'}` };
  });
}

interface Found {
  name: string;
  value: unknown;
}

type Faults = Record<'faults' | 'unreadSecrets', ConfigFault[]>;

function readSetting(setting: Setting, outside: Outside, found: Faults): Found | 'unset' | 'unread' {
  const text = outside.env[setting.env];
  const fileName = `${setting.env}_FILE`;
  const file = setting.secret ? outside.env[fileName] : undefined;
  if (file) {
    if (text) found.faults.push({ where: fileName, problem: `${setting.env} is set too: keep one of the two` });
    const secret = readSecretFile(file, { where: fileName, readFile: outside.readFile, ...found });
    return secret === null ? 'unread' : { name: fileName, value: secret };
  }
  if (!text) return 'unset';
  if (setting.type === 'list') return readList(setting, text, found.faults);
  return { name: setting.env, value: fromText(setting, text) };
}

function readList(setting: Setting, text: string, faults: ConfigFault[]): Found | 'unread' {
  const parsed = parseYaml(text);
  if (parsed.ok) return { name: setting.env, value: parsed.value };
  for (const { message } of parsed.errors) {
    faults.push({ where: setting.env, problem: `is neither YAML nor JSON (${message})` });
  }
  return 'unread';
}

/** A text that is no number or truth value stays as it is, for the schema to complain about. */
function fromText(setting: Setting, text: string): unknown {
  if (setting.type === 'integer' && /^-?\d+(\.\d+)?$/.test(text)) return Number(text);
  if (setting.type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true';
  return text;
}
