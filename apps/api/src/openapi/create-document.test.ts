import { testRedisUrl } from '@aegis/local-stack';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createConfig, lintFromString } from '@redocly/openapi-core';
import type { Route } from '../http/route.js';
import { apiSettings } from '../routes/api-settings.js';
import { createRouteTable } from '../routes/route-table.js';
import { startTestApi, type TestApi } from '../testing/test-api.js';
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

test('holds every route of the table and nothing else', () => {
  const described = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { operationId }]) => `${method} ${path} ${operationId}`),
  );
  const served = routes.map(({ method, path, operationId }) => `${method} ${path} ${operationId}`);
  expect(described.toSorted()).toEqual(served.toSorted());
  expect(new Set(routes.map(({ operationId }) => operationId)).size).toBe(routes.length);
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
