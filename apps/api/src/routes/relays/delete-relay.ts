import { isTerminal } from '@aegis/relays';
import { clientRoute, type Route } from '../../http/route.js';
import { presentRelay, relaySchema } from '../../schemas/relay.js';
import { relayPathSchema } from '../../schemas/relay-path.js';
import { relayMissing } from './own-relay.js';

const POLL_SECONDS = '1';

export function deleteRelayRoute(): Route {
  return clientRoute({
    method: 'delete',
    path: '/api/v1/relays/{id}',
    operationId: 'deleteRelay',
    tag: 'relays',
    summary: 'End a relay; asking again changes nothing',
    scope: 'relays:write',
    params: relayPathSchema,
    responses: {
      200: { description: 'It has ended: nothing of it is left', schema: relaySchema },
      202: { description: 'It is ending', schema: relaySchema, headers: ['Retry-After'] },
    },
    problems: ['relay_not_found', 'store_recovering', 'store_unavailable'],
    async handle({ params, principal }, services) {
      const region = services.regions.regionOfRelay(params.id);
      const by = { tenant: principal.tenant, now: services.now() };
      const result = await services.store.requestTermination(params.id, by);
      if (result.outcome === 'not_found' || region === null) {
        throw await relayMissing(services.store, params.id);
      }
      services.recordMoves(region, result.moves);
      const body = presentRelay(result.relay);
      if (isTerminal(result.relay.state)) return { status: 200, body };
      if (result.changed) services.wake('relay_terminate', region);
      return { status: 202, body, headers: { 'Retry-After': POLL_SECONDS } };
    },
  });
}
