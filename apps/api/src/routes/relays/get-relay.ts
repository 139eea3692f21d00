import { clientRoute, type Route } from '../../http/route.js';
import { presentRelay, relaySchema } from '../../schemas/relay.js';
import { relayPathSchema } from '../../schemas/relay-path.js';
import { ownRelay } from './own-relay.js';

export function getRelayRoute(): Route {
  return clientRoute({
    method: 'get',
    path: '/api/v1/relays/{id}',
    operationId: 'getRelay',
    tag: 'relays',
    summary: 'Read one relay',
    scope: 'relays:read',
    params: relayPathSchema,
    responses: { 200: { description: 'The relay', schema: relaySchema } },
    problems: ['relay_not_found', 'store_recovering', 'store_unavailable'],
    async handle({ params, principal }, { store }) {
      const relay = await ownRelay(store, params.id, principal.tenant);
      return { status: 200, body: presentRelay(relay) };
    },
  });
}
