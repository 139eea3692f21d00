import { loadConfig } from '@aegis/config';
import { apiSettings } from '../routes/api-settings.js';
import { operationsPages } from '../routes/operations-pages.js';
import { createRouteTable } from '../routes/route-table.js';
import { createOpenApiDocument } from './create-document.js';
import type { OpenApiDocument } from './document-types.js';

const EXAMPLE_REGION = `[{name: us-east-1, imageId: ami-1, instanceTypes: [t3.micro], subnetIds: [subnet-1],
  securityGroupIds: [sg-1]}]`;

/** The document as `libs/client` keeps it: with every setting at its default and one region for an example. */
export function publishedDocument(): Promise<OpenApiDocument> {
  const config = loadConfig({ env: { AEGIS_ENV: 'local', AEGIS_REGIONS: EXAMPLE_REGION } });
  const routes = createRouteTable(apiSettings(config));
  return createOpenApiDocument({ routes, pages: operationsPages(config), version: 'v1' });
}
