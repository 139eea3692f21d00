import * as z from 'zod';

/** As in the configuration of keys. */
export const tenantSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]{0,62}$/, '1 to 63 of a-z, 0-9, - and _, starting with a letter or digit');

export const tenantPathSchema = z.object({ tenant: tenantSchema });
