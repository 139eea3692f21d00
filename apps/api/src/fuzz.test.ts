import { Agent, type IncomingMessage, request } from 'node:http';
import { testRedisUrl } from '@aegis/local-stack';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { OpenApiDocument } from './openapi/document-types.js';
import { problemSchema } from './schemas/problem.js';
import { createDocumentValidator } from './testing/document-validator.js';
import { type FuzzRequest, fuzzRequests } from './testing/fuzz-request.js';
import { startTestApi, type TestApi } from './testing/test-api.js';
import { KEYS } from './testing/test-config.js';

/** The whole run is `AEGIS_TEST_FUZZ_REQUESTS=10000`; each run says its seed, and `AEGIS_TEST_FUZZ_SEED` repeats it. */
const REQUESTS = Number(process.env.AEGIS_TEST_FUZZ_REQUESTS ?? 1_000);
const SEED = Number(process.env.AEGIS_TEST_FUZZ_SEED ?? Date.now() % 1_000_000);
const AT_ONCE = 8;

let api: TestApi;
let document: OpenApiDocument;
let known: Record<string, string>;
const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });

beforeAll(async () => {
  api = await startTestApi(testRedisUrl('api'));
  document = (await (await fetch(`${api.url}/openapi.json`)).json()) as OpenApiDocument;
  const { id } = (await api.ask('POST', '/api/v1/relays')).body;
  const body = { name: 'fuzz', tenant: 'fuzz', scopes: ['relays:read'] };
  const { record } = (await api.ask('POST', '/api/v1/admin/keys', { key: KEYS.operator, body })).body;
  known = { id, keyId: record.id, tenant: 'fuzz' };
});
afterAll(async () => {
  agent.destroy();
  await api.stop();
});

interface FuzzAnswer {
  status: number;
  headers: IncomingMessage['headers'];
  body: string;
}

function send({ method, path, headers, body, template }: FuzzRequest): Promise<FuzzAnswer> {
  const key = template.includes('/admin/') ? KEYS.operator : KEYS.acme;
  return new Promise((resolve, reject) => {
    // Not as one URL: that would tidy up the path.
    const { hostname, port } = new URL(api.url);
    const authorization = `Bearer ${key}`;
    const sent = request({ hostname, port, path, method, agent, headers: { authorization, ...headers } });
    sent.on('error', reject);
    sent.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks).toString(),
        }),
      );
    });
    sent.end(body ?? undefined);
  });
}

test(
  `${REQUESTS} requests of every kind of wrong: no 5xx, every error a problem, memory steady`,
  async () => {
    const validator = createDocumentValidator(document);
    const requests = fc.sample(fuzzRequests(document, known), { numRuns: REQUESTS, seed: SEED });
    const statuses = new Map<number, number>();
    const check = async (one: FuzzRequest): Promise<void> => {
      const answer = await send(one);
      statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
      const told = JSON.stringify({ seed: SEED, ...one, body: one.body?.toString().slice(0, 300), answer });
      if (answer.status >= 500) throw new Error(`a 5xx for ${told}`);
      if (answer.headers['x-request-id'] === undefined) throw new Error(`no request id for ${told}`);
      if (answer.status >= 400) {
        const problem = problemSchema.safeParse(JSON.parse(answer.body));
        if (!problem.success || answer.headers['content-type'] !== 'application/problem+json') {
          throw new Error(`no problem document for ${told}`);
        }
        return;
      }
      if (answer.body === '') return;
      const place = {
        path: one.template,
        method: one.method.toLowerCase(),
        status: answer.status,
        contentType: 'application/json',
      };
      const faults = validator.faults(place, JSON.parse(answer.body)) ?? [];
      if (faults.length > 0) throw new Error(`${faults.join()} for ${told}`);
    };

    const warmUp = Math.floor(requests.length / 2);
    await inTurn(requests.slice(0, warmUp), check);
    const before = process.memoryUsage().heapUsed;
    await inTurn(requests.slice(warmUp), check);
    const grown = (process.memoryUsage().heapUsed - before) / 1e6;

    expect(grown).toBeLessThan(150);
    // It did reach past the first check: some were right, some were wrong in more than one way.
    expect([...statuses.keys()]).toEqual(expect.arrayContaining([200, 202, 400, 404, 405, 413, 415]));
  },
  120_000 + REQUESTS * 20,
);

/** A few at once, as clients come. */
async function inTurn(requests: readonly FuzzRequest[], each: (one: FuzzRequest) => Promise<void>): Promise<void> {
  const queue = requests.values();
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (const one of queue) await each(one);
    }),
  );
}
