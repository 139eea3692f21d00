import type * as z from 'zod';
import { nearestName } from './nearest-name.js';

type Issue = z.core.$ZodIssue;

/** One sentence or more for an operator: what is wrong and what would be right. `value` is what stands there. */
export function describeIssue(issue: Issue, value: unknown, options: { secret: boolean }): string {
  switch (issue.code) {
    case 'invalid_type':
      if (value === undefined) return 'is missing';
      return `must be ${typeName(issue.expected)}, not ${show(value, options)}${quoteHint(issue.expected, value)}`;
    case 'too_small':
      return boundText(issue.origin, 'least', Number(issue.minimum));
    case 'too_big':
      return boundText(issue.origin, 'most', Number(issue.maximum));
    case 'invalid_value':
      return `must be one of ${issue.values.join(', ')}, not ${show(value, options)}`;
    default:
      // Formats and cross-field rules carry a message of ours.
      return options.secret || value === undefined || typeof value === 'object'
        ? issue.message
        : `${issue.message}; it is ${show(value, options)}`;
  }
}

/** For keys nobody knows: what was probably meant, else what there is. */
export function describeUnknownKey(key: string, known: readonly string[]): string {
  const nearest = nearestName(key, known);
  return nearest ? `no such key: did you mean ${nearest}?` : `no such key: there are ${known.join(', ')}`;
}

function boundText(origin: string, bound: 'least' | 'most', limit: number): string {
  switch (origin) {
    case 'string':
      return `must have at ${bound} ${limit} characters`;
    case 'array':
      return `must have at ${bound} ${limit === 1 ? 'one entry' : `${limit} entries`}`;
    default:
      return `must be at ${bound} ${limit}`;
  }
}

function typeName(expected: string): string {
  switch (expected) {
    case 'int':
      return 'a whole number';
    case 'boolean':
      return 'true or false';
    case 'array':
      return 'a list';
    case 'object':
    case 'record':
      return 'a mapping of keys';
    case 'string':
      return 'text';
    default:
      return `a ${expected}`;
  }
}

function quoteHint(expected: string, value: unknown): string {
  return expected === 'string' && typeof value !== 'object' ? ': put it in quotes' : '';
}

function show(value: unknown, options: { secret: boolean }): string {
  if (options.secret) return 'what it is';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
