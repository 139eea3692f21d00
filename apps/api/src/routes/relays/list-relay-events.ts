import * as z from 'zod';
import { Problem } from '../../http/problem.js';
import { clientRoute, type Route } from '../../http/route.js';
import { followEvents, knowsEnd } from '../../relays/follow-events.js';
import { presentRelayEvent, relayEventsSchema } from '../../schemas/relay-event.js';
import { relayPathSchema } from '../../schemas/relay-path.js';
import type { ApiServices } from '../api-services.js';
import { ownRelay } from './own-relay.js';

const MAX_PAGE = 200;
const RETRY_SECONDS = '5';
const EVENT_STREAM = /(?:^|,)\s*text\/event-stream\s*(?:[,;]|$)/i;

const DESCRIPTION = `As a page, or, with \`Accept: text/event-stream\`, as Server-Sent Events: each message is one event
with its \`seq\` for an id, and comments keep a silent stream alive. The stream ends when the relay has; a client that comes
back with a \`Last-Event-ID\` goes on where it was, or gets 204 when there is nothing left to hear.`;

export function listRelayEventsRoute(): Route {
  return clientRoute({
    method: 'get',
    path: '/api/v1/relays/{id}/events',
    operationId: 'listRelayEvents',
    tag: 'relays',
    summary: "Read or follow a relay's story, oldest first",
    description: DESCRIPTION,
    scope: 'relays:read',
    params: relayPathSchema,
    headers: z.object({
      accept: z.string().optional(),
      'last-event-id': z
        .string()
        .regex(/^\d{1,15}$/, 'The id of an event of this relay')
        .optional(),
    }),
    query: z.strictObject({
      after: z.coerce.number().int().min(0).default(0).describe('The `seq` of the last event already known'),
      limit: z.coerce.number().int().min(1).max(MAX_PAGE).default(MAX_PAGE),
    }),
    responses: {
      200: { description: 'One page of events, or all of them as they come', schema: relayEventsSchema, streams: true },
      204: { description: 'Asked for a stream: the relay has ended and the client knows its whole story' },
    },
    problems: ['relay_not_found', 'store_recovering', 'too_many_streams', 'store_unavailable'],
    async handle({ params, query, headers, principal }, services) {
      if (EVENT_STREAM.test(headers.accept ?? '')) {
        await ownRelay(services.store, params.id, principal.tenant);
        return follow(params.id, Number(headers['last-event-id'] ?? query.after), services);
      }
      // Asked at once, so that both share a round trip; the events are dropped if the relay is not the caller's.
      const [, events] = await Promise.all([
        ownRelay(services.store, params.id, principal.tenant),
        services.store.events(params.id, query.after, query.limit),
      ]);
      const nextAfter = events.length === query.limit ? (events.at(-1)?.seq ?? null) : null;
      return { status: 200, body: { events: events.map(presentRelayEvent), nextAfter } };
    },
  });
}

async function follow(relayId: string, after: number, { store, feed, streams }: ApiServices) {
  // Browsers ask again whenever a stream ends; only this tells them that it is over.
  if (after > 0 && (await knowsEnd(store, relayId, after))) return { status: 204 };
  const { keepAliveMs, maxOpen } = streams.settings;
  if (streams.open() >= maxOpen) throw new Problem('too_many_streams', { headers: { 'Retry-After': RETRY_SECONDS } });
  return {
    follow: (stream: Parameters<typeof followEvents>[0]) =>
      followEvents(stream, { store, feed, relayId, after, keepAliveMs }),
  };
}
