import { RELAY_REASONS, RELAY_STATES, type Relay } from '@aegis/relays';
import * as z from 'zod';
import { labelsSchema } from './labels.js';
import { timestampSchema, toTimestamp, toTimestampOrNull } from './timestamp.js';

export const relayStateSchema = z.enum(RELAY_STATES).meta({ id: 'RelayState' });

/** A relay as clients see it. */
export const relaySchema = z
  .strictObject({
    id: z.string(),
    state: relayStateSchema,
    region: z.string(),
    address: z.ipv4().nullable().describe('Public IPv4 address, once there is one'),
    instanceType: z
      .string()
      .nullable()
      .describe('Of its EC2 instance; before there is one, the type that was asked for, if any'),
    instanceId: z.string().nullable().describe('The EC2 instance that carries it'),
    labels: labelsSchema,
    createdAt: timestampSchema,
    leaseSeconds: z.number().int(),
    leaseExpiresAt: timestampSchema.describe('When it goes away unless it is renewed'),
    activeAt: timestampSchema.nullable().describe('When it first carried traffic'),
    endedAt: timestampSchema.nullable().describe('When it reached a terminal state'),
    reason: z.enum(RELAY_REASONS).meta({ id: 'RelayReason' }).nullable().describe('Why it must go, or went'),
    failure: z.strictObject({ code: z.string(), message: z.string() }).nullable(),
  })
  .meta({ id: 'Relay' });

export function presentRelay(relay: Relay): z.infer<typeof relaySchema> {
  return {
    id: relay.id,
    state: relay.state,
    region: relay.region,
    address: relay.address,
    instanceType: relay.instanceType,
    instanceId: relay.instanceId,
    labels: relay.labels,
    createdAt: toTimestamp(relay.createdAt),
    leaseSeconds: relay.leaseSeconds,
    leaseExpiresAt: toTimestamp(relay.leaseExpiresAt),
    activeAt: toTimestampOrNull(relay.activeAt),
    endedAt: toTimestampOrNull(relay.endedAt),
    reason: relay.reason,
    failure: relay.failure,
  };
}
