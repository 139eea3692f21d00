import { once } from 'node:events';
import { createServer, get, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from '@jest/globals';
import {
  createMetrics,
  createMetricsHandler,
  type InventorySource,
  type RegionInventorySnapshot,
  Registry,
} from './index.js';

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  }
});

interface Setup {
  source?: InventorySource;
  bearerToken?: string;
  timeoutMs?: number;
  clock?: () => number;
}

async function serve({ source, bearerToken, timeoutMs = 50, clock }: Setup = {}) {
  const metrics = createMetrics({
    registry: new Registry(),
    app: 'api',
    version: '1.2.3',
    regions: ['us-east-1', 'eu-west-1'],
    inventoryTimeoutMs: timeoutMs,
    ...(source && { inventorySource: source }),
    ...(clock && { clock }),
  });
  const handler = createMetricsHandler({ metrics, ...(bearerToken !== undefined && { bearerToken }) });
  const server = createServer((request, response) => void handler(request, response)).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const scrape = (headers: Record<string, string> = {}, method = 'GET') => fetchPage(port, headers, method);
  return { metrics, scrape };
}

interface Page {
  status: number | undefined;
  headers: IncomingHttpHeaders;
  raw: Buffer;
  text: string;
}

/** `fetch` would add its own Accept and Accept-Encoding. */
function fetchPage(port: number, headers: Record<string, string>, method: string): Promise<Page> {
  return new Promise((resolve, reject) => {
    const request = get({ host: '127.0.0.1', port, path: '/metrics', headers, method, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const raw = Buffer.concat(chunks);
        const text = response.headers['content-encoding'] === 'gzip' ? gunzipSync(raw).toString() : raw.toString();
        resolve({ status: response.statusCode, headers: response.headers, raw, text });
      });
    });
    request.on('error', reject);
  });
}

const TEXT = 'text/plain; version=0.0.4; charset=utf-8';
const OPENMETRICS = 'application/openmetrics-text; version=1.0.0; charset=utf-8';

describe('the format', () => {
  test.each([
    ['no Accept', undefined, TEXT],
    ['a browser', 'text/html,application/xhtml+xml,*/*;q=0.8', TEXT],
    ['a type nobody serves', 'application/json', TEXT],
    ['OpenMetrics', 'application/openmetrics-text', OPENMETRICS],
    [
      'Prometheus 2',
      'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
      OPENMETRICS,
    ],
    [
      'Prometheus 3',
      'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;version=0.0.4;q=0.2,*/*;q=0.1',
      OPENMETRICS,
    ],
    ['text preferred', 'application/openmetrics-text;version=1.0.0;q=0.2,text/plain;version=0.0.4;q=0.9', TEXT],
    ['OpenMetrics refused', 'application/openmetrics-text;q=0,*/*', TEXT],
  ])('%s', async (_name, accept, expected) => {
    const { scrape } = await serve();
    const page = await scrape(accept === undefined ? {} : { accept });
    expect(page.status).toBe(200);
    expect(page.headers['content-type']).toBe(expected);
    expect(page.headers.vary).toBe('Accept, Accept-Encoding');
  });

  test('a counter keeps its names in both formats, whichever was asked for before', async () => {
    const { metrics, scrape } = await serve();
    metrics.awsRetryExhausted({ op: 'run_instances', region: 'us-east-1' });
    const sample = 'aegis_aws_retry_exhausted_total{op="run_instances",region="us-east-1"} 1';
    for (const round of [1, 2]) {
      const open = (await scrape({ accept: 'application/openmetrics-text' })).text.split('\n');
      expect(open).toContain('# TYPE aegis_aws_retry_exhausted counter');
      expect(open).toContain(sample);
      expect(open.slice(-2)).toEqual(['# EOF', '']);
      expect(open.slice(0, -1)).not.toContain('');
      const plain = (await scrape()).text.split('\n');
      expect(plain).toContain('# TYPE aegis_aws_retry_exhausted_total counter');
      expect(plain).toContain(sample);
      expect({ round, eof: plain.includes('# EOF') }).toEqual({ round, eof: false });
    }
  });

  test('both formats hold the same samples', async () => {
    const { scrape } = await serve();
    const own = (text: string) => text.split('\n').filter((line) => line.startsWith('aegis_'));
    const [plain, open] = [await scrape(), await scrape({ accept: 'application/openmetrics-text' })];
    expect(own(open.text)).toEqual(own(plain.text));
  });

  test('gzip when accepted, plain when not or when refused', async () => {
    const { scrape } = await serve();
    const zipped = await scrape({ 'accept-encoding': 'gzip' });
    const plain = await scrape();
    expect(zipped.headers['content-encoding']).toBe('gzip');
    expect(zipped.headers['content-length']).toBe(String(zipped.raw.length));
    expect(zipped.raw.length).toBeLessThan(plain.raw.length / 5);
    expect(zipped.text).toContain('aegis_build_info');
    expect(plain.headers['content-encoding']).toBeUndefined();
    expect((await scrape({ 'accept-encoding': 'gzip;q=0, br' })).headers['content-encoding']).toBeUndefined();
  });

  test('HEAD answers the headers alone', async () => {
    const page = await (await serve()).scrape({}, 'HEAD');
    expect(page.status).toBe(200);
    expect(Number(page.headers['content-length'])).toBeGreaterThan(1000);
    expect(page.raw.length).toBe(0);
  });
});

describe('the bearer token', () => {
  test.each([
    ['none', {}],
    ['a wrong one', { authorization: 'Bearer sesamf' }],
    ['a longer one', { authorization: 'Bearer sesame-and-more' }],
    ['another scheme', { authorization: 'Basic sesame' }],
    ['an empty one', { authorization: 'Bearer ' }],
  ])('%s gets 401 and no sample', async (_name, headers) => {
    const page = await (await serve({ bearerToken: 'sesame' })).scrape(headers as Record<string, string>);
    expect(page.status).toBe(401);
    expect(page.headers['www-authenticate']).toBe('Bearer realm="metrics"');
    expect(page.headers['content-type']).toBe('application/problem+json');
    expect(page.text).not.toContain('aegis_');
  });

  test('the right one gets the page', async () => {
    const page = await (await serve({ bearerToken: 'sesame' })).scrape({ authorization: 'bearer sesame' });
    expect(page.status).toBe(200);
    expect(page.text).toContain('aegis_build_info');
  });
});

describe('the inventory', () => {
  const NOW = 1_700_000_000_000;
  const full: RegionInventorySnapshot = {
    region: 'us-east-1',
    counts: { pending: 2, launching: 0, booting: 1, active: 40, terminating: 0, terminated: 7, failed: 1 },
    oldestPendingAt: NOW - 12_000,
    oldestTerminatingAt: NOW - 3_000,
    openIntents: 1,
    queue: { jobs: { waiting: 3, active: 1, failed: 0 }, oldestWaitingAt: NOW - 9_000 },
    sweep: { lastCompleteAt: NOW - 60_000, halted: true, instances: 44, orphans: 3, missing: 2 },
    freeze: { launch: true, sweep: false },
    warmPool: { ready: 4, target: 5 },
  };

  function value(page: Page, series: string): number | undefined {
    const line = page.text.split('\n').find((each) => each.startsWith(`${series} `));
    return line === undefined ? undefined : Number(line.slice(series.length + 1));
  }

  test('what the store tells stands on the page', async () => {
    const { scrape } = await serve({ source: async () => [full], clock: () => NOW });
    const page = await scrape();
    const region = 'region="us-east-1"';
    const expected = {
      [`aegis_relays{${region},state="active"}`]: 40,
      [`aegis_relays{${region},state="terminated"}`]: 7,
      'aegis_relays{region="eu-west-1",state="active"}': 0,
      [`aegis_relay_oldest_pending_age_seconds{${region}}`]: 12,
      [`aegis_relay_oldest_terminating_age_seconds{${region}}`]: 3,
      [`aegis_launch_intents_open{${region}}`]: 1,
      [`aegis_queue_jobs{${region},state="waiting"}`]: 3,
      [`aegis_queue_oldest_waiting_age_seconds{${region}}`]: 9,
      [`aegis_sweep_last_complete_timestamp_seconds{${region}}`]: NOW / 1000 - 60,
      [`aegis_sweep_halted{${region}}`]: 1,
      [`aegis_sweep_instances{${region}}`]: 44,
      [`aegis_sweep_disagreements{${region},kind="orphan"}`]: 3,
      [`aegis_sweep_disagreements{${region},kind="missing"}`]: 2,
      [`aegis_freeze_active{${region},switch="launch"}`]: 1,
      [`aegis_freeze_active{${region},switch="sweep"}`]: 0,
      [`aegis_warm_pool_relays{${region}}`]: 4,
      [`aegis_warm_pool_target{${region}}`]: 5,
      aegis_inventory_stale: 0,
      aegis_redis_up: 1,
    };
    expect(Object.fromEntries(Object.keys(expected).map((series) => [series, value(page, series)]))).toEqual(expected);
  });

  test('a failing store leaves the last known values and says so', async () => {
    let fail = false;
    const { scrape } = await serve({
      source: async () => {
        if (fail) throw new Error('connection refused');
        return [full];
      },
    });
    await scrape();
    fail = true;
    const away = await scrape();
    expect(away.status).toBe(200);
    expect(value(away, 'aegis_relays{region="us-east-1",state="active"}')).toBe(40);
    expect([value(away, 'aegis_inventory_stale'), value(away, 'aegis_redis_up')]).toEqual([1, 0]);
    fail = false;
    const back = await scrape();
    expect([value(back, 'aegis_inventory_stale'), value(back, 'aegis_redis_up')]).toEqual([0, 1]);
  });

  test('a source that throws before it answers a promise is a failing store too', async () => {
    const { scrape } = await serve({
      source: () => {
        throw new Error('no client');
      },
    });
    expect(value(await scrape(), 'aegis_inventory_stale')).toBe(1);
  });

  test('a hanging store delays a scrape by the limit and is read once for all scrapes', async () => {
    let reads = 0;
    let answer: (snapshots: RegionInventorySnapshot[]) => void = () => {};
    const { scrape } = await serve({
      source: () => {
        reads += 1;
        return new Promise((resolve) => {
          answer = resolve;
        });
      },
      clock: () => NOW,
    });
    const pages = await Promise.all([scrape(), scrape(), scrape()]);
    expect(reads).toBe(1);
    expect(pages.map((page) => value(page, 'aegis_inventory_stale'))).toEqual([1, 1, 1]);
    expect(value(await scrape(), 'aegis_relays{region="us-east-1",state="active"}')).toBe(0);
    expect(reads).toBe(1);
    answer([full]);
    const late = scrape();
    await new Promise(setImmediate);
    answer([full]);
    const page = await late;
    expect(value(page, 'aegis_relays{region="us-east-1",state="active"}')).toBe(40);
  });

  test('a read that never ends is given up, so the store is asked again when it is back', async () => {
    let now = NOW;
    let hang = true;
    const { scrape } = await serve({
      source: () => (hang ? new Promise<never>(() => {}) : Promise.resolve([full])),
      clock: () => now,
    });
    await scrape();
    hang = false;
    expect(value(await scrape(), 'aegis_inventory_stale')).toBe(1);
    now += 60_000;
    const page = await scrape();
    expect(value(page, 'aegis_inventory_stale')).toBe(0);
    expect(value(page, 'aegis_relays{region="us-east-1",state="active"}')).toBe(40);
  });

  test('the page has the same samples at 10 and at 100,000 relays', async () => {
    let active = 10;
    const { scrape } = await serve({ source: async () => [{ ...full, counts: { ...full.counts, active } }] });
    const names = (page: Page) =>
      page.text
        .split('\n')
        .filter((line) => line.startsWith('aegis_'))
        .map((line) => line.slice(0, line.lastIndexOf(' ')));
    const small = names(await scrape());
    active = 100_000;
    expect(names(await scrape())).toEqual(small);
  });
});
