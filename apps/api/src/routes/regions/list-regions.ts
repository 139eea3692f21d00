import * as z from 'zod';
import { clientRoute, type Route } from '../../http/route.js';
import type { ApiSettings } from '../api-settings.js';

const regionsSchema = z.strictObject({
  regions: z.array(
    z.strictObject({
      name: z.string(),
      default: z.boolean().describe('Where a create without a region goes'),
      instanceTypes: z.array(z.string()).describe('What relays run on there, in order of preference'),
    }),
  ),
});

export function listRegionsRoute({ regions, instanceTypes }: ApiSettings): Route {
  const body: z.infer<typeof regionsSchema> = {
    regions: regions.map((name, index) => ({
      name,
      default: index === 0,
      instanceTypes: [...(instanceTypes.get(name) ?? [])],
    })),
  };
  return clientRoute({
    method: 'get',
    path: '/api/v1/regions',
    operationId: 'listRegions',
    tag: 'regions',
    summary: 'List the regions relays can be asked for in',
    scope: 'relays:read',
    responses: { 200: { description: 'The regions, the default first', schema: regionsSchema } },
    problems: [],
    handle: async () => ({ status: 200, body }),
  });
}
