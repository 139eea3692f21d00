import { setImmediate as nextTurn } from 'node:timers/promises';
import { RESPONSE_HEADERS } from '../http/response-headers.js';
import type { Route } from '../http/route.js';
import type { OperationsPage } from '../routes/operations-pages.js';
import { describeOperation } from './describe-operation.js';
import { describePage } from './describe-page.js';
import type { OpenApiDocument } from './document-types.js';
import { createSchemaCollector } from './schema-collector.js';

const DESCRIPTION = `Relays are short-lived machines that each carry one customer's traffic. Ask for one, read it until it
is \`active\` and has an \`address\`, renew its lease as long as you need it, and end it when you are done.

Errors are RFC 9457 problem documents (\`application/problem+json\`); decide by their \`code\`, which never changes its
meaning. Times are RFC 3339 in UTC. Answers may grow new fields at any time: ignore what you do not know.`;

const TAGS = [
  { name: 'relays', description: 'Ask for relays, read, renew and end them.' },
  { name: 'regions', description: 'Where relays can run.' },
  { name: 'admin', description: 'For operators; needs a key with the scope `admin`.' },
  { name: 'agents', description: "For the agent on a relay's machine, with credentials of its own." },
  { name: 'operations', description: 'For probes, Prometheus and people in front of a browser.' },
] as const satisfies readonly { name: Route['tag'] | 'operations'; description: string }[];

export interface DocumentSource {
  routes: readonly Route[];
  /** What is served beside them. */
  pages: readonly OperationsPage[];
  version: string;
}

/**
 * The OpenAPI 3.1 document of a table of routes: nothing in it is written twice. It takes a tenth of a second; other requests
 * have their turn after each operation.
 */
export async function createOpenApiDocument({ routes, pages, version }: DocumentSource): Promise<OpenApiDocument> {
  const schemas = createSchemaCollector();
  const paths: OpenApiDocument['paths'] = {};
  for (const route of routes) {
    paths[route.path] = { ...paths[route.path], [route.method]: describeOperation(route, schemas) };
    await nextTurn();
  }
  for (const page of pages) paths[page.path] = { get: describePage(page, schemas) };
  return {
    openapi: '3.1.0',
    info: {
      title: 'Aegis',
      version,
      description: DESCRIPTION,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    tags: TAGS.map((tag) => ({ ...tag })),
    security: [{ apiKey: [] }],
    paths,
    components: {
      securitySchemes: {
        apiKey: { type: 'http', scheme: 'bearer', description: 'An API key. Its scopes decide what it may do.' },
        sessionSecret: { type: 'http', scheme: 'bearer', description: "What a relay's check-in was answered with." },
        ...(pages.some(({ takesMetricsToken }) => takesMetricsToken) && {
          metricsToken: { type: 'http', scheme: 'bearer', description: 'The token of the metrics page.' },
        }),
      },
      headers: Object.fromEntries(
        Object.entries(RESPONSE_HEADERS).map(([name, { description, type }]) => [
          name,
          { description, schema: { type } },
        ]),
      ),
      schemas: Object.fromEntries(Object.entries(schemas.named).sort(([a], [b]) => (a < b ? -1 : 1))),
    },
  };
}
