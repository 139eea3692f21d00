import * as z from 'zod';
import { Problem } from '../../http/problem.js';
import { clientRoute, type Route } from '../../http/route.js';
import { labelFilterSchema, parseLabelFilter } from '../../schemas/label-filter.js';
import { onceOrMore } from '../../schemas/once-or-more.js';
import { regionSchema } from '../../schemas/region.js';
import { presentRelay, relaySchema, relayStateSchema } from '../../schemas/relay.js';
import { timestampSchema } from '../../schemas/timestamp.js';
import type { ApiSettings } from '../api-settings.js';

const DEFAULT_PAGE = 50;
const MAX_PAGE = 200;

const relayPageSchema = z
  .strictObject({
    relays: z.array(relaySchema),
    nextCursor: z.string().nullable().describe('Value of `cursor` for the next page; null when this was the last'),
  })
  .meta({ id: 'RelayPage' });

export function listRelaysRoute({ regions }: ApiSettings): Route {
  return clientRoute({
    method: 'get',
    path: '/api/v1/relays',
    operationId: 'listRelays',
    tag: 'relays',
    summary: 'List relays, newest first',
    scope: 'relays:read',
    query: z.strictObject({
      state: onceOrMore(relayStateSchema).optional(),
      region: onceOrMore(regionSchema(regions)).optional(),
      label: onceOrMore(labelFilterSchema).describe('Repeated: all must match').optional(),
      createdAfter: timestampSchema.optional(),
      limit: z.coerce.number().int().min(1).max(MAX_PAGE).default(DEFAULT_PAGE),
      cursor: z.string().min(1).max(512).optional(),
    }),
    responses: { 200: { description: 'One page of relays', schema: relayPageSchema } },
    problems: ['unknown_region', 'invalid_cursor', 'store_unavailable'],
    async handle({ query, principal }, { store }) {
      const result = await store.list({
        tenant: principal.tenant,
        regions: query.region ? [...new Set(query.region)] : regions,
        limit: query.limit,
        ...(query.state && { states: query.state }),
        ...(query.label && { labels: query.label.map(parseLabelFilter) }),
        ...(query.createdAfter && { createdAfter: Date.parse(query.createdAfter) }),
        ...(query.cursor && { cursor: query.cursor }),
      });
      if (result.outcome === 'bad_cursor') throw new Problem('invalid_cursor');
      return { status: 200, body: { relays: result.relays.map(presentRelay), nextCursor: result.nextCursor } };
    },
  });
}
