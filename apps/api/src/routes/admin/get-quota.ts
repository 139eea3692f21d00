import type * as z from 'zod';
import { clientRoute, type Route } from '../../http/route.js';
import { quotaSchema } from '../../schemas/quota.js';
import { tenantPathSchema } from '../../schemas/tenant.js';
import type { ApiServices } from '../api-services.js';
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
    responses: { 200: { description: 'Null where the configured limit holds', schema: quotaSchema } },
    problems: ['store_unavailable'],
    handle: async ({ params }, services) => ({ status: 200, body: await readQuota(services, regions, params.tenant) }),
  });
}

export async function readQuota(
  { quotas, store }: Pick<ApiServices, 'quotas' | 'store'>,
  regions: readonly string[],
  tenant: string,
): Promise<z.infer<typeof quotaSchema>> {
  const uses = regions.map(async (region) => ({ region, live: await store.liveOf(region, tenant) }));
  const [own, ...perRegion] = await Promise.all([quotas.own(tenant), ...uses]);
  const live = perRegion.reduce((sum, use) => sum + use.live, 0);
  return { tenant, ...own, live, regions: perRegion };
}
