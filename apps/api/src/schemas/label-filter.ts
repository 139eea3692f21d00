import * as z from 'zod';

/** `team=blue`: the label has that value. `team`: the label is there. Keys hold no `=`, values may. */
export const labelFilterSchema = z
  .string()
  .max(63 + 1 + 256)
  .regex(/^[A-Za-z0-9]/, 'A label key, or key=value')
  .describe('`key=value`, or `key` for any value');

export interface LabelFilter {
  key: string;
  /** Undefined: any. */
  value?: string;
}

export function parseLabelFilter(text: string): LabelFilter {
  const at = text.indexOf('=');
  return at < 0 ? { key: text } : { key: text.slice(0, at), value: text.slice(at + 1) };
}
