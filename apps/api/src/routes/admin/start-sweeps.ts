import * as z from 'zod';
import { clientRoute, type Route } from '../../http/route.js';
import { regionSchema } from '../../schemas/region.js';
import type { ApiSettings } from '../api-settings.js';

const startedSchema = z.strictObject({ regions: z.array(z.string()).describe('Where a sweep starts now') });

export function startSweepsRoute({ regions }: ApiSettings): Route {
  return clientRoute({
    method: 'post',
    path: '/api/v1/admin/sweeps',
    operationId: 'startSweeps',
    tag: 'admin',
    summary: 'Compare the store with EC2 now instead of at the next turn',
    scope: 'admin',
    body: z.strictObject({ region: regionSchema(regions).describe('Default: all').optional() }).optional(),
    responses: {
      202: { description: 'The sweeps are on their way; their figures follow in the list', schema: startedSchema },
    },
    problems: ['unknown_region', 'store_unavailable'],
    async handle({ body }, { trigger }) {
      const named = body?.region === undefined ? [...regions] : [body.region];
      // Nothing of it is stored, so it is not on its way before the queue has it.
      await Promise.all(named.map((region) => trigger('orphan_sweep', region)));
      return { status: 202, body: { regions: named } };
    },
  });
}
