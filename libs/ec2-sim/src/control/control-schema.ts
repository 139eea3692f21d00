import * as z from 'zod';
import { settingsSchema } from '../state/settings.js';

const stateReason = { code: z.string().optional(), message: z.string().optional() };
const instanceIds = z.array(z.string()).min(1);

export const killSchema = z.strictObject({ instanceIds, ...stateReason });
export const outsideTerminationSchema = z.strictObject({ instanceIds });
export const protectionSchema = z.strictObject({ instanceIds, protected: z.boolean() });

export const agentsSchema = z.strictObject({
  mode: z.enum(['normal', 'silent', 'crashed']),
  region: z.string().optional(),
  instanceIds: instanceIds.optional(),
});

export const imageParameterSchema = z.strictObject({
  /** Absent: all regions. */
  region: z.string().optional(),
  name: z.string().min(1),
  imageId: z.string().min(1),
});

export const seedSchema = z.strictObject({
  region: z.string(),
  launches: z.array(
    z.strictObject({
      count: z.number().int().min(1).default(1),
      tags: z.record(z.string(), z.string()).default({}),
      clientToken: z.string().max(64).optional(),
      instanceType: z.string().default('t3.micro'),
      subnetId: z.string().optional(),
      market: z.enum(['on-demand', 'spot']).default('on-demand'),
    }),
  ),
});

/** Any of the settings; those not named stay as they are. */
export const settingsPatchSchema = settingsSchema.partial();
