import { isSecretKey, REDACTED, redactText } from './redact.js';

/** Bounds of one record: a log line must never be as large as what went wrong. */
const MAX_DEPTH = 8;
const MAX_ENTRIES = 100;
const MAX_TEXT = 8192;

interface Walk {
  withStacks: boolean;
  ancestors: readonly object[];
}

/**
 * The JSON of any value, without secrets, in one pass and with nothing built in between: it is made for every request. Never
 * throws: circular, hostile and huge values come back as short placeholders. Stacks are kept only when asked for. Undefined
 * where JSON has no word for it.
 */
export function toLoggableJson(value: unknown, options: { withStacks: boolean }): string | undefined {
  return render(value, { withStacks: options.withStacks, ancestors: [] });
}

/** The members of an object, `"name":value,…` without braces; those that `rename` gives null for are left out. */
export function toLoggableMembers(
  value: object,
  options: { withStacks: boolean; rename: (key: string) => string | null },
): string {
  try {
    return renderMembers(readEntries(value), { withStacks: options.withStacks, ancestors: [value] }, options.rename);
  } catch {
    return '"fields":"[unreadable]"';
  }
}

function render(value: unknown, walk: Walk): string | undefined {
  switch (typeof value) {
    case 'string':
      return renderText(value);
    case 'number':
      return Number.isFinite(value) ? String(value) : `"${value}"`;
    case 'bigint':
      return `"${value}"`;
    case 'boolean':
      return value ? 'true' : 'false';
    case 'undefined':
      return undefined;
    case 'function':
    case 'symbol':
      return `"[${typeof value}]"`;
    case 'object':
      return value === null ? 'null' : renderObject(value, walk);
  }
}

function renderText(text: string): string {
  const bounded = text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…[${text.length} characters]` : text;
  return JSON.stringify(redactText(bounded));
}

function renderObject(value: object, walk: Walk): string {
  if (walk.ancestors.includes(value)) return '"[circular]"';
  if (walk.ancestors.length >= MAX_DEPTH) return '"[too deep]"';
  const inner: Walk = { withStacks: walk.withStacks, ancestors: [...walk.ancestors, value] };
  try {
    if (value instanceof Error) return renderError(value, inner);
    if (value instanceof Date) return Number.isNaN(value.getTime()) ? '"[invalid date]"' : `"${value.toISOString()}"`;
    if (value instanceof URL) return JSON.stringify(redactText(value.href));
    if (ArrayBuffer.isView(value)) return `"[${value.byteLength} bytes]"`;
    if (Array.isArray(value)) return renderList(value, inner);
    if (value instanceof Set) return renderList([...value], inner);
    if (value instanceof Map) {
      const entries = [...value].map(([key, item]): [string, unknown] => [String(key), item]);
      return `{${renderMembers(entries, inner)}}`;
    }
    return `{${renderMembers(readEntries(value), inner)}}`;
  } catch {
    return '"[unreadable]"';
  }
}

function renderList(list: readonly unknown[], walk: Walk): string {
  const kept = list.slice(0, MAX_ENTRIES).map((item) => render(item, walk) ?? 'null');
  if (list.length > MAX_ENTRIES) kept.push(`"[${list.length - MAX_ENTRIES} more]"`);
  return `[${kept.join(',')}]`;
}

type Entries = readonly (readonly [string, unknown])[];

function renderMembers(entries: Entries, walk: Walk, rename?: (key: string) => string | null): string {
  let members = '';
  const add = (name: string, json: string): void => {
    members += `${members === '' ? '' : ','}${JSON.stringify(name)}:${json}`;
  };
  const kept = entries.length > MAX_ENTRIES ? entries.slice(0, MAX_ENTRIES) : entries;
  for (const [key, item] of kept) {
    const name = rename ? rename(key) : key;
    if (name === null) continue;
    const hidden = item !== null && item !== undefined && typeof item !== 'boolean' && isSecretKey(key);
    const json = hidden ? `"${REDACTED}"` : render(item, walk);
    if (json !== undefined) add(name, json);
  }
  if (entries.length > MAX_ENTRIES) add('…', `"[${entries.length - MAX_ENTRIES} more]"`);
  return members;
}

/** A getter that throws costs its own field, not the record. */
function readEntries(value: object): [string, unknown][] {
  return Object.keys(value).map((key) => {
    try {
      return [key, (value as Record<string, unknown>)[key]];
    } catch {
      return [key, '[unreadable]'];
    }
  });
}

/** Only what identifies an error: vendors hang whole requests, with their credentials, on the errors they throw. */
function renderError(error: Error, walk: Walk): string {
  const { code, cause } = error as { code?: unknown; cause?: unknown };
  const entries: [string, unknown][] = [
    ['name', error.name],
    ['message', String(error.message)],
  ];
  if (typeof code === 'string' || typeof code === 'number') entries.push(['code', code]);
  if (walk.withStacks && typeof error.stack === 'string') entries.push(['stack', error.stack]);
  if (cause !== undefined) entries.push(['cause', cause]);
  if (error instanceof AggregateError) entries.push(['errors', error.errors]);
  return `{${renderMembers(entries, walk)}}`;
}
