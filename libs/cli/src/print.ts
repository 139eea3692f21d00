import type { Terminal } from './terminal.js';

export type Output = 'table' | 'json';

type Row = Readonly<Record<string, unknown>>;

/** A list, as one JSON document or as a table of some of its columns. */
export function printList(terminal: Terminal, output: Output, rows: readonly Row[], columns: readonly string[]): void {
  if (output === 'json') terminal.out(`${JSON.stringify(rows, null, 2)}\n`);
  else terminal.out(table([columns.map(heading), ...rows.map((row) => columns.map((column) => cell(row[column])))]));
}

/** One thing, as a JSON document or as a line for each of its fields. */
export function printOne(terminal: Terminal, output: Output, thing: Row): void {
  if (output === 'json') terminal.out(`${JSON.stringify(thing, null, 2)}\n`);
  else terminal.out(table(Object.entries(thing).map(([name, value]) => [heading(name), cell(value)])));
}

function table(lines: readonly (readonly string[])[]): string {
  const widths = (lines[0] ?? []).map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  const text = lines.map((line) =>
    line
      .map((each, column) => each.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  return `${text.join('\n')}\n`;
}

/** `leaseExpiresAt` → `LEASE EXPIRES AT`. */
function heading(name: string): string {
  return name.replace(/[A-Z]/g, ' $&').toUpperCase();
}

function cell(value: unknown): string {
  if (value === null || value === undefined || value === '') return '-';
  if (Array.isArray(value)) return value.map(cell).join(',') || '-';
  if (typeof value !== 'object') return String(value);
  return (
    Object.entries(value)
      .map(([key, each]) => `${key}=${cell(each)}`)
      .join(',') || '-'
  );
}
