import type { RelayFrontStore } from '@aegis/relays';
import type { z } from 'zod';
import { clientRoute, type Route } from '../../http/route.js';
import { quotaSchema } from '../../schemas/quota.js';
import { tenantPathSchema } from '../../schemas/tenant.js';
import type { ApiSettings } from '../api-settings.js';

export function getQuotaRoute({ regions }: ApiSettings): Route {
  return clientRoute({
    method: 'get',
    path: '/api/v1/admin/tenants/{tenant}/quota',
    operationId: 'getQuota',
    tag: 'admin',
    summary: "Read a tenant's own limits and what it has",
    scope: 'admin',
    params: tenantPathSchema,
    responses: { 200: { description: 'Region by region; null where the configured limit holds', schema: quotaSchema } },
    problems: ['store_unavailable'],
    handle: async ({ params }, { store }) => ({ status: 200, body: await readQuota(store, regions, params.tenant) }),
  });
}

export async function readQuota(
  store: Pick<RelayFrontStore, 'quota'>,
  regions: readonly string[],
  tenant: string,
): Promise<z.infer<typeof quotaSchema>> {
  const uses = regions.map(async (region) => ({ region, ...(await store.quota(region, tenant)) }));
  return { tenant, regions: await Promise.all(uses) };
}
