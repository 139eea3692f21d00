import * as z from 'zod';
import { clientRoute, type Route } from '../../http/route.js';
import { freezeSchema, presentFreeze } from '../../schemas/freeze.js';
import { regionSchema } from '../../schemas/region.js';
import type { ApiSettings } from '../api-settings.js';

export function setFreezeRoute({ regions }: ApiSettings): Route {
  return clientRoute({
    method: 'put',
    path: '/api/v1/admin/freeze',
    operationId: 'setFreeze',
    tag: 'admin',
    summary: 'Stop or resume launches, or terminations by sweeps, while the service runs',
    scope: 'admin',
    body: z.strictObject({
      region: regionSchema(regions).describe('Default: all').optional(),
      launch: z.boolean().describe('Default: as it is').optional(),
      sweep: z.boolean().describe('Default: as it is').optional(),
    }),
    responses: { 200: { description: 'The switches of the regions named, as they are now', schema: freezeSchema } },
    problems: ['unknown_region', 'store_unavailable'],
    async handle({ body }, { store, wake }) {
      const { launch, sweep } = body;
      const change = { ...(launch !== undefined && { launch }), ...(sweep !== undefined && { sweep }) };
      const named = body.region === undefined ? regions : [body.region];
      const switches = await Promise.all(
        named.map(async (region) => ({ region, ...(await store.setFreeze(region, change)) })),
      );
      // What was held back need not wait for the next tick.
      if (launch === false) for (const region of named) wake('relay_launch', region);
      return { status: 200, body: presentFreeze(switches) };
    },
  });
}
