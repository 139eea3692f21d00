import * as z from 'zod';

export const MAX_LABELS = 16;

/** Letters, digits and `. _ / -` in between: a key can be written in a URL, a tag or a metric query as it is. */
const labelKey = z
  .string()
  .max(63)
  .regex(/^[A-Za-z0-9](?:[A-Za-z0-9._/-]*[A-Za-z0-9])?$/, 'Letters, digits and . _ / - in between');

/** No control characters, and no half surrogates: Redis would hand those back as something else. */
const labelValue = z
  .string()
  .max(256)
  .regex(/^[^\p{Cc}\p{Cs}]*$/u, 'No control characters');

/** A client's own words on a relay. */
export const labelsSchema = z
  .record(labelKey, labelValue)
  .refine((labels) => Object.keys(labels).length <= MAX_LABELS, { error: `At most ${MAX_LABELS} labels` })
  .meta({ id: 'Labels', maxProperties: MAX_LABELS });
