import { clientRoute, type Route } from '../../http/route.js';
import { freezeSchema, presentFreeze } from '../../schemas/freeze.js';
import type { ApiSettings } from '../api-settings.js';

export function getFreezeRoute({ regions }: ApiSettings): Route {
  return clientRoute({
    method: 'get',
    path: '/api/v1/admin/freeze',
    operationId: 'getFreeze',
    tag: 'admin',
    summary: 'Read what is frozen',
    scope: 'admin',
    responses: { 200: { description: 'The switches of every region', schema: freezeSchema } },
    problems: ['store_unavailable'],
    async handle(_input, { store }) {
      const switches = await Promise.all(
        regions.map(async (region) => ({ region, ...(await store.inventory(region)).freeze })),
      );
      return { status: 200, body: presentFreeze(switches) };
    },
  });
}
