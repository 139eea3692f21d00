import { clientRoute, type Route } from '../../http/route.js';
import { presentSweeps, sweepsSchema } from '../../schemas/sweep.js';
import type { ApiSettings } from '../api-settings.js';

export function listSweepsRoute({ regions }: ApiSettings): Route {
  return clientRoute({
    method: 'get',
    path: '/api/v1/admin/sweeps',
    operationId: 'listSweeps',
    tag: 'admin',
    summary: 'Read what the last complete sweep of each region found',
    scope: 'admin',
    responses: { 200: { description: 'The last sweeps', schema: sweepsSchema } },
    problems: ['store_unavailable'],
    async handle(_input, { store }) {
      return { status: 200, body: presentSweeps(await Promise.all(regions.map((region) => store.inventory(region)))) };
    },
  });
}
