import { RELAY_REASONS, RELAY_STATES } from '@aegis/relays';
import * as z from 'zod';

/** A relay as the api answers it; what the harness looks at. */
export const relayViewSchema = z.object({
  id: z.string(),
  state: z.enum(RELAY_STATES),
  region: z.string(),
  address: z.string().nullable(),
  instanceId: z.string().nullable(),
  createdAt: z.iso.datetime({ offset: true }).transform(Date.parse),
  leaseSeconds: z.number(),
  leaseExpiresAt: z.iso.datetime({ offset: true }).transform(Date.parse),
  endedAt: z.iso
    .datetime({ offset: true })
    .nullable()
    .transform((time) => (time === null ? null : Date.parse(time))),
  reason: z.enum(RELAY_REASONS).nullable(),
  failure: z.object({ code: z.string(), message: z.string() }).nullable(),
});
export type RelayView = z.output<typeof relayViewSchema>;

export const relayPageSchema = z.object({ relays: z.array(relayViewSchema), nextCursor: z.string().nullable() });
