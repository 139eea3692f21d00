import { Agent, type IncomingMessage, request } from 'node:http';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { testRedisUrl } from '@aegis/local-stack';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { OpenApiDocument } from './openapi/document-types.js';
import { problemSchema } from './schemas/problem.js';
import { createDocumentValidator, type DocumentValidator } from './testing/document-validator.js';
import { type FuzzRequest, fuzzRequests } from './testing/fuzz-request.js';
import { startTestApi, type TestApi } from './testing/test-api.js';
import { KEYS } from './testing/test-config.js';

/** The whole run is `AEGIS_TEST_FUZZ_REQUESTS=10000`; each run says its seed, and `AEGIS_TEST_FUZZ_SEED` repeats it. */
const REQUESTS = Number(process.env.AEGIS_TEST_FUZZ_REQUESTS ?? 1_000);
const SEED = Number(process.env.AEGIS_TEST_FUZZ_SEED ?? Date.now() % 1_000_000);
const AT_ONCE = 8;
/**
 * Measured: about half a megabyte, from 1,000 requests as from 10,000. A request with its response and socket takes 10 KB
 * and more, so keeping one in ten of the long run's, or most of the short one's, is found.
 */
const MOST_GROWTH_BYTES = 3e6;

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
      const faults = faultsOf(one, answer, validator);
      if (faults.length > 0) throw new Error(`${faults.join()} for ${told}`);
    };

    // Half of them to warm up: pools, caches and compiled code are there afterwards, and stay.
    const warmUp = Math.floor(requests.length / 2);
    await inTurn(requests.slice(0, warmUp), check);
    const before = liveHeapBytes() - api.loggedBytes();
    await inTurn(requests.slice(warmUp), check);
    const grown = liveHeapBytes() - api.loggedBytes() - before;
    expect(grown).toBeLessThan(MOST_GROWTH_BYTES);
    // It did reach past the first check: some were right, some were wrong in more than one way.
    expect([...statuses.keys()]).toEqual(expect.arrayContaining([200, 202, 400, 404, 405, 413, 415]));
  },
  120_000 + REQUESTS * 20,
);

/** What an answer that is no problem says that the document does not. */
function faultsOf({ template, method }: FuzzRequest, answer: FuzzAnswer, validator: DocumentValidator): string[] {
  const { status, body } = answer;
  // Express answers HEAD from GET; OPTIONS and what is not there are refused.
  const operation = document.paths[template]?.[method === 'HEAD' ? 'get' : method.toLowerCase()];
  const described = operation?.responses[status];
  if (!described) return [`no ${status} is in the document`];
  const contentType = (answer.headers['content-type'] ?? '').split(';', 1)[0] ?? '';
  if (described.content?.[contentType] === undefined) {
    // Neither has a body, or this one is of a form that nobody was told of.
    return body === '' ? [] : [`no ${contentType} is in the document for ${status}`];
  }
  const place = { path: template, method: method.toLowerCase(), status, contentType };
  const value = contentType === 'application/json' ? JSON.parse(body) : body;
  return validator.faults(place, value) ?? [`no schema is in the document for ${status}`];
}

/** What is in use once the garbage is gone. */
function liveHeapBytes(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  return process.memoryUsage().heapUsed;
}

/** A few at once, as clients come. */
async function inTurn(requests: readonly FuzzRequest[], each: (one: FuzzRequest) => Promise<void>): Promise<void> {
  const queue = requests.values();
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (const one of queue) await each(one);
    }),
  );
}
