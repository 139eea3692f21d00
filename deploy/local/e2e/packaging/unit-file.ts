import { readFileSync } from 'node:fs';

/** The settings of one section of a unit, each with its values in the order of the file. */
export type UnitSection = ReadonlyMap<string, readonly string[]>;

/** Reads what the units of this repository use of the format: no line goes on in the next, and an empty value resets. */
export function readUnit(path: string): ReadonlyMap<string, UnitSection> {
  const sections = new Map<string, Map<string, string[]>>();
  let current: Map<string, string[]> | undefined;
  for (const line of readFileSync(path, 'utf8').split('\n')) {
    if (line === '' || /^[#;]/.test(line)) continue;
    const header = /^\[(\w+)\]$/.exec(line);
    if (header?.[1] !== undefined) {
      current = new Map();
      sections.set(header[1], current);
      continue;
    }
    const [, key, value] = /^(\w+)=(.*)$/.exec(line) ?? [];
    if (key === undefined || value === undefined || current === undefined || line.endsWith('\\')) {
      throw new Error(`${path}: cannot read the line ${line}`);
    }
    current.set(key, [...(current.get(key) ?? []), value]);
  }
  return sections;
}

/** `5min` is not among them: the units of this repository count in seconds. */
export function seconds(value: string | undefined): number {
  const [, number] = /^(\d+)s?$/.exec(value ?? '') ?? [];
  if (number === undefined) throw new Error(`${value} is no number of seconds`);
  return Number(number);
}

/** `Environment=NAME=value`, one to a line. */
export function environmentOf(service: UnitSection): Record<string, string> {
  return Object.fromEntries(
    (service.get('Environment') ?? []).map((assignment) => {
      const at = assignment.indexOf('=');
      return [assignment.slice(0, at), assignment.slice(at + 1)];
    }),
  );
}
