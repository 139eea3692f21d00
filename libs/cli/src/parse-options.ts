import { InvalidArgumentError } from 'commander';

const SECONDS = { s: 1, m: 60, h: 3600, d: 86_400 } as const;

/** `90`, `90s`, `10m`, `2h`, `1d` in seconds. */
export function parseDuration(text: string): number {
  const [, count, unit = 's'] = /^(\d{1,9})([smhd])?$/.exec(text) ?? [];
  if (count === undefined) throw new InvalidArgumentError('Give a time such as 90, 90s, 10m, 2h or 1d.');
  return Number(count) * SECONDS[unit as keyof typeof SECONDS];
}

export function parseCount(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('Give a whole number.');
  return Number(text);
}

/** A limit: a number, or `default` for the configured one. */
export function parseLimit(text: string): number | 'default' {
  return text === 'default' ? text : parseCount(text);
}

/** For options that may be repeated. */
export function collect(text: string, before: readonly string[] = []): string[] {
  return [...before, text];
}

/** `key=value`, repeated. */
export function collectLabel(text: string, before: Readonly<Record<string, string>> = {}): Record<string, string> {
  const at = text.indexOf('=');
  if (at <= 0) throw new InvalidArgumentError('Give a label as key=value.');
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}
