import type { Relay } from '@aegis/relays';
import * as z from 'zod';
import { isStoreUnavailable } from '../../http/is-store-unavailable.js';
import { MAX_WAIT_SECONDS, preferredWait } from '../../http/prefer-wait.js';
import { clientRoute, type Reply, type Route } from '../../http/route.js';
import { fingerprint } from '../../idempotency/fingerprint.js';
import { awaitRelay, isSettled } from '../../relays/await-relay.js';
import { chooseRegion } from '../../relays/choose-region.js';
import { regionsOffering } from '../../relays/regions-offering.js';
import { requestRelay } from '../../relays/request-relay.js';
import { idempotencyKeySchema } from '../../schemas/idempotency-key.js';
import { instanceTypeSchema } from '../../schemas/instance-type.js';
import { labelsSchema } from '../../schemas/labels.js';
import { leaseSecondsSchema } from '../../schemas/lease-seconds.js';
import { AUTO_REGION, regionChoiceSchema } from '../../schemas/region.js';
import { presentRelay, relaySchema } from '../../schemas/relay.js';
import type { ApiServices } from '../api-services.js';
import type { ApiSettings } from '../api-settings.js';

const POLL_SECONDS = '1';

const DESCRIPTION = `Send an \`Idempotency-Key\` and repeat the request as often as you like: one relay comes of it, and
replays carry \`Idempotent-Replayed\`. The same key with another body is refused.

The answer comes at once, unless \`Prefer: wait=N\` asks to wait up to N seconds (at most ${MAX_WAIT_SECONDS}) until the
relay is active or has failed: then it is 201 and \`state\` tells which, else 202 as it stands.`;

const headersSchema = z.object({
  'idempotency-key': idempotencyKeySchema.optional(),
  prefer: z.string().optional().describe('`wait=N`: seconds to wait for the relay'),
});

export function createRelayRoute({ regions, instanceTypes, maxRelays, lease }: ApiSettings): Route {
  const [defaultRegion] = regions;
  return clientRoute({
    method: 'post',
    path: '/api/v1/relays',
    operationId: 'createRelay',
    tag: 'relays',
    summary: 'Ask for a relay',
    description: DESCRIPTION,
    scope: 'relays:write',
    headers: headersSchema,
    body: z
      .strictObject({
        region: regionChoiceSchema(regions).describe(`Default: ${defaultRegion}`).optional(),
        instanceType: instanceTypeSchema(instanceTypes).optional(),
        leaseSeconds: leaseSecondsSchema(lease).describe(`Default: ${lease.defaultLeaseSeconds}`).optional(),
        labels: labelsSchema.optional(),
      })
      .optional(),
    responses: {
      201: {
        description: 'Active already: a warm relay, or one that was waited for; one waited for may also have failed',
        schema: relaySchema,
        headers: ['Location', 'Idempotent-Replayed', 'Preference-Applied'],
      },
      202: {
        description: 'Accepted and stored; read it at its Location until it is active',
        schema: relaySchema,
        headers: ['Location', 'Retry-After', 'Idempotent-Replayed', 'Preference-Applied'],
      },
    },
    problems: [
      'unknown_region',
      'unknown_instance_type',
      'lease_out_of_range',
      'idempotency_mismatch',
      'limit_reached',
      'store_unavailable',
    ],
    async handle({ headers, body = {}, principal, lifetime, audit }, services) {
      const now = services.now();
      const { instanceType } = body;
      const asked = body.region === AUTO_REGION ? regions : [body.region ?? defaultRegion];
      const offering = regionsOffering(instanceType, asked, instanceTypes);
      const region =
        body.region === AUTO_REGION
          ? await chooseRegion({
              store: services.store,
              regions: offering,
              maxRelays,
              instanceTypes,
              instanceType,
              now,
            })
          : offering[0];
      const { relay, replayed } = await requestRelay(services, {
        tenant: principal.tenant,
        region,
        labels: body.labels ?? {},
        instanceType,
        leaseSeconds: body.leaseSeconds ?? lease.defaultLeaseSeconds,
        maxLifetimeSeconds: lease.maxLifetimeSeconds,
        maxRelays,
        idempotency: keyOf(headers['idempotency-key'], body),
      });
      const wait = preferredWait(headers.prefer);
      const atOnce = reply(relay, relay.state === 'active', { replayed });
      if (wait === null) return atOnce;
      const [latest] = await Promise.all([waitFor(relay, wait, lifetime(), services), audit(atOnce)]);
      return { ...reply(latest, isSettled(latest), { replayed, waited: wait }), waited: true };
    },
  });
}

function reply(relay: Relay, done: boolean, { replayed, waited }: { replayed: boolean; waited?: number }): Reply {
  return {
    status: done ? 201 : 202,
    body: presentRelay(relay),
    headers: {
      Location: `/api/v1/relays/${relay.id}`,
      ...(!done && { 'Retry-After': POLL_SECONDS }),
      ...(replayed && { 'Idempotent-Replayed': 'true' }),
      ...(waited !== undefined && { 'Preference-Applied': `wait=${waited}` }),
    },
  };
}

/** The relay is stored and stays so: a store that goes away now only ends the waiting. */
async function waitFor(
  relay: Relay,
  seconds: number,
  signal: AbortSignal,
  { store, feed }: ApiServices,
): Promise<Relay> {
  try {
    return await awaitRelay({ store, feed, relay, waitMs: seconds * 1000, signal });
  } catch (error) {
    if (isStoreUnavailable(error)) return relay;
    throw error;
  }
}

/** The body as it was sent, before defaults: a default that changes between a request and its retry is no mismatch. */
function keyOf(key: string | undefined, body: unknown): { key: string; fingerprint: string } | null {
  return key === undefined ? null : { key, fingerprint: fingerprint('createRelay', body) };
}
