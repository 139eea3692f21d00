import { Writable } from 'node:stream';
import type { AegisConfig } from '@aegis/config';
import { createLogger } from '@aegis/logging';
import { createService } from '@aegis/service';
import { type ApiOptions, composeApi } from '../compose.js';
import { apiSettings } from '../routes/api-settings.js';
import { createRouteTable } from '../routes/route-table.js';
import type { Answer } from './answer.js';
import { createCheckDocumented } from './check-documented.js';
import { KEYS, testConfig } from './test-config.js';
import { verifyStores } from './verify-stores.js';

export interface TestApi {
  url: string;
  config: AegisConfig;
  region: string;
  /** One request as acme unless told otherwise. Fails when the answer is not as documented. */
  ask(method: string, path: string, options?: AskOptions): Promise<Answer>;
  /** The log so far. */
  records(): Record<string, unknown>[];
  /** The length of that log, which this test double keeps in memory and the product does not. */
  loggedBytes(): number;
  stop(): Promise<void>;
}

export interface AskOptions {
  key?: string | null;
  /** Sent as JSON. */
  body?: unknown;
  /** Sent as it is, with no content type of its own. */
  raw?: string | Uint8Array<ArrayBuffer>;
  headers?: Record<string, string>;
}

/** The whole app, composed as in production, on its own region so that tests share nothing but the Redis. */
export async function startTestApi(
  redisUrl: string,
  relays: Partial<AegisConfig['relays']> = {},
  /** Of another test api: the new one becomes its replica. */
  config = testConfig(redisUrl, relays),
  options: Omit<ApiOptions, 'config' | 'logger'> & { storeInDoubt?: boolean } = {},
): Promise<TestApi> {
  const lines: string[] = [];
  const stream = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk));
      done();
    },
  });
  const service = createService(
    composeApi({ ...options, config, logger: createLogger({ level: 'debug', app: 'api', stream }) }),
  );
  await service.start();
  if (options.storeInDoubt !== true) await verifyStores(config);
  const url = service.listeners.get('api')?.url ?? '';
  const checkDocumented = await createCheckDocumented(createRouteTable(apiSettings(config)));
  return {
    url,
    config,
    region: config.regions[0]?.name ?? '',
    async ask(method, path, options = {}) {
      const answer = await send(url, method, path, options);
      checkDocumented(method, path, answer);
      return answer;
    },
    records: () => lines.map((line) => JSON.parse(line)),
    loggedBytes: () => lines.reduce((sum, line) => sum + line.length, 0),
    stop: async () => {
      await service.stop();
    },
  };
}

async function send(url: string, method: string, path: string, options: AskOptions): Promise<Answer> {
  const { key = KEYS.acme, body, raw, headers } = options;
  const response = await fetch(url + path, {
    method,
    headers: {
      ...(key !== null && { authorization: `Bearer ${key}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    ...(raw !== undefined && { body: raw }),
  });
  const text = await response.text();
  const isJson = /json/.test(response.headers.get('content-type') ?? '');
  return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
}
