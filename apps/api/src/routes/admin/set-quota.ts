import { clientRoute, type Route } from '../../http/route.js';
import { quotaChangeSchema, quotaSchema } from '../../schemas/quota.js';
import { tenantPathSchema } from '../../schemas/tenant.js';
import type { ApiSettings } from '../api-settings.js';
import { readQuota } from './get-quota.js';

export function setQuotaRoute({ regions }: ApiSettings): Route {
  return clientRoute({
    method: 'put',
    path: '/api/v1/admin/tenants/{tenant}/quota',
    operationId: 'setQuota',
    tag: 'admin',
    summary: "Set a tenant's own limits; in effect within a second, everywhere",
    scope: 'admin',
    params: tenantPathSchema,
    body: quotaChangeSchema,
    responses: { 200: { description: 'The limits as they are now', schema: quotaSchema } },
    problems: ['store_unavailable'],
    async handle({ params, body }, services) {
      await services.quotas.set(params.tenant, body);
      return { status: 200, body: await readQuota(services, regions, params.tenant) };
    },
  });
}
