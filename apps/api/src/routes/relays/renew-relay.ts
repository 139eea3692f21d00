import * as z from 'zod';
import { Problem } from '../../http/problem.js';
import { clientRoute, type Route } from '../../http/route.js';
import { leaseSecondsSchema } from '../../schemas/lease-seconds.js';
import { presentRelay, relaySchema } from '../../schemas/relay.js';
import { relayPathSchema } from '../../schemas/relay-path.js';
import type { ApiSettings } from '../api-settings.js';
import { relayMissing } from './own-relay.js';

/** What the store takes for the lease the relay has already. */
const SAME_LEASE = 0;

export function renewRelayRoute({ lease }: ApiSettings): Route {
  return clientRoute({
    method: 'post',
    path: '/api/v1/relays/{id}/renew',
    operationId: 'renewRelay',
    tag: 'relays',
    summary: 'Let the lease run anew from now, at most to the maximum lifetime',
    scope: 'relays:write',
    params: relayPathSchema,
    body: z
      .strictObject({ leaseSeconds: leaseSecondsSchema(lease).describe("Default: the relay's own").optional() })
      .optional(),
    responses: { 200: { description: 'The relay with its new lease', schema: relaySchema } },
    problems: ['lease_out_of_range', 'relay_not_found', 'relay_ended', 'store_recovering', 'store_unavailable'],
    async handle({ params, body, principal }, { store, now }) {
      const renewal = { tenant: principal.tenant, leaseSeconds: body?.leaseSeconds ?? SAME_LEASE, now: now() };
      const result = await store.renew(params.id, renewal);
      switch (result.outcome) {
        case 'renewed':
          return { status: 200, body: presentRelay(result.relay) };
        case 'ended':
          throw new Problem('relay_ended', { detail: `The relay is ${result.relay.state}.` });
        case 'not_found':
          throw await relayMissing(store, params.id);
      }
    },
  });
}
