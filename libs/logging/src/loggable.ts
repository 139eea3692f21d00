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
 * Turns any value into plain data that JSON can hold, without secrets. Never throws: circular, hostile and huge values
 * come back as short placeholders. Stacks are kept only when asked for.
 */
export function toLoggable(value: unknown, options: { withStacks: boolean }): unknown {
  return convert(value, { withStacks: options.withStacks, ancestors: [] });
}

function convert(value: unknown, walk: Walk): unknown {
  switch (typeof value) {
    case 'string':
      return loggableText(value);
    case 'number':
      return Number.isFinite(value) ? value : String(value);
    case 'bigint':
      return value.toString();
    case 'boolean':
    case 'undefined':
      return value;
    case 'function':
    case 'symbol':
      return `[${typeof value}]`;
    case 'object':
      return value === null ? null : convertObject(value, walk);
  }
}

function loggableText(text: string): string {
  return redactText(text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…[${text.length} characters]` : text);
}

function convertObject(value: object, walk: Walk): unknown {
  if (walk.ancestors.includes(value)) return '[circular]';
  if (walk.ancestors.length >= MAX_DEPTH) return '[too deep]';
  const inner: Walk = { withStacks: walk.withStacks, ancestors: [...walk.ancestors, value] };
  try {
    if (value instanceof Error) return convertError(value, inner);
    if (value instanceof Date) return Number.isNaN(value.getTime()) ? '[invalid date]' : value.toISOString();
    if (value instanceof URL) return redactText(value.href);
    if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
    if (Array.isArray(value)) return convertList(value, inner);
    if (value instanceof Set) return convertList([...value], inner);
    if (value instanceof Map)
      return convertEntries(
        [...value].map(([key, item]): [string, unknown] => [String(key), item]),
        inner,
      );
    return convertEntries(readEntries(value), inner);
  } catch {
    return '[unreadable]';
  }
}

function convertList(list: readonly unknown[], walk: Walk): unknown[] {
  const kept = list.slice(0, MAX_ENTRIES).map((item) => convert(item, walk) ?? null);
  return list.length > MAX_ENTRIES ? [...kept, `[${list.length - MAX_ENTRIES} more]`] : kept;
}

function convertEntries(entries: readonly (readonly [string, unknown])[], walk: Walk): Record<string, unknown> {
  const plain: Record<string, unknown> = Object.create(null);
  for (const [key, item] of entries.slice(0, MAX_ENTRIES)) {
    const hidden = isSecretKey(key) && item !== null && item !== undefined && typeof item !== 'boolean';
    plain[key] = hidden ? REDACTED : convert(item, walk);
  }
  if (entries.length > MAX_ENTRIES) plain['…'] = `[${entries.length - MAX_ENTRIES} more]`;
  return plain;
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
function convertError(error: Error, walk: Walk): Record<string, unknown> {
  const { code } = error as { code?: unknown };
  const plain: Record<string, unknown> = { name: error.name, message: loggableText(String(error.message)) };
  if (typeof code === 'string' || typeof code === 'number') plain.code = code;
  if (walk.withStacks && typeof error.stack === 'string') plain.stack = loggableText(error.stack);
  if (error.cause !== undefined) plain.cause = convert(error.cause, walk);
  if (error instanceof AggregateError) plain.errors = convertList(error.errors, walk);
  return plain;
}
