import type { RelayEvent } from '@aegis/relays';
import * as z from 'zod';
import { relayStateSchema } from './relay.js';
import { timestampSchema, toTimestamp } from './timestamp.js';

/** One step of a relay's story. */
const relayEventSchema = z
  .strictObject({
    seq: z.number().int().describe('1, 2, 3 … per relay'),
    time: timestampSchema,
    from: relayStateSchema.nullable(),
    to: relayStateSchema,
    reason: z.string().nullable(),
    attempt: z.number().int().nullable(),
    awsRequestId: z.string().nullable(),
  })
  .meta({ id: 'RelayEvent' });

export const relayEventsSchema = z
  .strictObject({
    events: z.array(relayEventSchema),
    nextAfter: z.number().int().nullable().describe('Value of `after` for the next page; null when this was the last'),
  })
  .meta({ id: 'RelayEventPage' });

export function presentRelayEvent({ at, ...step }: RelayEvent): z.infer<typeof relayEventSchema> {
  return { time: toTimestamp(at), ...step };
}
