import type { ConfigFault } from './config-error.js';
import type { Path, RawConfig } from './raw-config.js';

/** Everything outside that `loadConfig` reads. */
export interface Outside {
  env: Readonly<Record<string, string | undefined>>;
  /** Throws as `fs.readFileSync` does. */
  readFile: (path: string) => string;
}

/** What one source says, and where in it an operator finds a key. */
export interface Source {
  values: RawConfig;
  faults: readonly ConfigFault[];
  /** Files of secrets that could not be read: where the configuration is only checked, nobody expects them to be there. */
  unreadSecrets: readonly ConfigFault[];
  /** What it meant to give and could not: nobody needs to hear that this is missing, too. `[]` stands for everything. */
  unread: readonly Path[];
  /** Null when this source says nothing about the path. */
  locate(path: Path): string | null;
}

/** Reads a file that holds one secret; null, with a fault that says why, when it cannot. */
export function readSecretFile(
  path: string,
  options: { where: string; readFile: Outside['readFile']; faults: ConfigFault[]; unreadSecrets: ConfigFault[] },
): string | null {
  try {
    const text = options.readFile(path).trim();
    if (text !== '') return text;
    options.faults.push({ where: options.where, problem: `${path} is empty: write the value into it` });
  } catch (error) {
    options.unreadSecrets.push({ where: options.where, problem: `cannot read ${path} (${readFailure(error)})` });
  }
  return null;
}

export function readFailure(error: unknown): string {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOENT':
      return 'no such file';
    case 'EACCES':
      return 'permission denied';
    case 'EISDIR':
      return 'it is a directory';
    default:
      return error instanceof Error ? error.message : String(error);
  }
}
