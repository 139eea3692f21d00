import { Writable } from 'node:stream';
import type { AegisConfig } from '@aegis/config';
import { testRedisUrl } from '@aegis/local-stack';
import { createLogger } from '@aegis/logging';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createConfig, lintFromString } from '@redocly/openapi-core';
import type { Express } from 'express';
import { composeApi } from '../compose.js';
import type { Route } from '../http/route.js';
import { apiSettings } from '../routes/api-settings.js';
import { operationsPages } from '../routes/operations-pages.js';
import { createRouteTable } from '../routes/route-table.js';
import { createDocumentValidator } from '../testing/document-validator.js';
import { startTestApi, type TestApi } from '../testing/test-api.js';
import { createOpenApiDocument } from './create-document.js';
import type { OpenApiDocument } from './document-types.js';

let api: TestApi;
let routes: Route[];
let document: OpenApiDocument;

beforeAll(async () => {
  api = await startTestApi(testRedisUrl('api'));
  routes = createRouteTable(apiSettings(api.config));
  document = (await (await fetch(`${api.url}/openapi.json`)).json()) as OpenApiDocument;
});
afterAll(() => api.stop());

async function lint(text: OpenApiDocument): Promise<string[]> {
  const config = await createConfig({ extends: ['recommended-strict'] });
  const problems = await lintFromString({ source: JSON.stringify(text), config });
  return problems.map(({ ruleId, message, location }) => `${ruleId}: ${message} at ${location[0]?.pointer}`);
}

test('holds every route of the table, every page beside it and nothing else', () => {
  const described = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { operationId }]) => `${method} ${path} ${operationId}`),
  );
  const pages = operationsPages(api.config).map((page) => ({ method: 'get', ...page }));
  const served = [...routes, ...pages].map(({ method, path, operationId }) => `${method} ${path} ${operationId}`);
  expect(described.toSorted()).toEqual(served.toSorted());
  expect(new Set(served.map((each) => each.split(' ')[2])).size).toBe(served.length);
});

/** What Express itself will answer, whoever mounted it. */
async function mountedRoutes(config: AegisConfig): Promise<string[]> {
  const logger = createLogger({
    level: 'error',
    app: 'api',
    stream: new Writable({ write: (_c, _e, done) => done() }),
  });
  const parts = composeApi({ config, logger });
  try {
    const app = parts.listeners.find(({ name }) => name === 'api')?.handler as Express;
    return app.router.stack.flatMap(({ route }) => {
      // `all` refuses the methods that are not there.
      const methods = new Set(route?.stack.map(({ method }) => method).filter((method) => method !== undefined));
      return [...methods].map((method) => `${method} ${route?.path}`);
    });
  } finally {
    await parts.close?.();
  }
}

test.each([
  ['open', {}, []],
  ['elsewhere', { port: 0 }, undefined],
  ['with a token', { bearerToken: 'token' }, [{ metricsToken: [] }]],
])(
  'whatever the server answers is in the document, save the files of its page (metrics %s)',
  async (_, metrics, security) => {
    const config = { ...api.config, api: { ...api.config.api, metrics } };
    const mounted = (await mountedRoutes(config)).filter((route) => !route.startsWith('get /docs/'));
    const { paths } = await createOpenApiDocument({ routes, pages: operationsPages(config), version: 'test' });
    const described = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`),
    );
    expect(mounted.toSorted()).toEqual(described.toSorted());
    expect(paths['/metrics']?.get?.security).toEqual(security);
  },
);

test('the pages beside the table answer what the document says', async () => {
  const validator = createDocumentValidator(document);
  for (const { path } of operationsPages(api.config)) {
    const answer = await fetch(api.url + path);
    const text = await answer.text();
    const contentType = answer.headers.get('content-type')?.split(';', 1)[0] ?? '';
    const place = { path, method: 'get', status: answer.status, contentType };
    expect({
      path,
      faults: validator.faults(place, contentType === 'application/json' ? JSON.parse(text) : text),
    }).toEqual({
      path,
      faults: [],
    });
    expect(answer.headers.get('x-request-id')).toBeTruthy();
  }
});

test('lints clean, and the linter does find faults', async () => {
  expect(await lint(document)).toEqual([]);
  const [first] = Object.values(document.paths);
  const faulty = structuredClone(document);
  faulty.paths['/api/v1/other'] = structuredClone(first ?? {});
  expect((await lint(faulty)).join()).toMatch(/operationId/);
});

test('says for each operation which credential and scope it takes', () => {
  expect(document.paths['/api/v1/relays']?.post?.security).toEqual([{ apiKey: ['relays:write'] }]);
  expect(document.paths['/api/v1/relays/{id}/heartbeat']?.post?.security).toEqual([{ sessionSecret: [] }]);
  expect(document.paths['/api/v1/checkins']?.post?.security).toEqual([]);
});

test("describes bodies, parameters and answers with the routes' own schemas", () => {
  const create = document.paths['/api/v1/relays']?.post;
  expect(create?.requestBody?.required).toBe(false);
  expect(create?.responses['202']?.content?.['application/json']?.schema).toEqual({
    $ref: '#/components/schemas/Relay',
  });
  expect(document.components.schemas.Region).toMatchObject({ enum: api.config.regions.map(({ name }) => name) });
  expect(document.paths['/api/v1/relays']?.get?.parameters).toContainEqual({
    name: 'limit',
    in: 'query',
    required: false,
    schema: { type: 'integer', minimum: 1, maximum: 200, default: 50 },
  });
  expect(document.paths['/api/v1/relays/{id}']?.get?.responses['404']?.description).toContain('relay_not_found');
});

test('can be browsed at /docs, and everything the page loads comes from here', async () => {
  const page = await fetch(`${api.url}/docs`);
  const html = await page.text();
  expect(page.headers.get('content-security-policy')).toContain("script-src 'self'");
  const assets = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, url]) => url ?? '');
  expect(assets).toHaveLength(4);
  for (const asset of assets) {
    expect(asset).toMatch(/^\/docs\//);
    const answer = await fetch(api.url + asset);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-encoding')).toBe('gzip');
    expect((await answer.text()).length).toBeGreaterThan(100);
  }
  expect(html).not.toMatch(/<script>|https?:\/\//);
});
