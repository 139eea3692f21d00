import { createHash, randomUUID, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import Negotiator from 'negotiator';
import { Registry } from 'prom-client';
import type { Metrics } from './create-metrics.js';
import { renderOpenMetrics } from './openmetrics.js';

export interface MetricsHandlerOptions {
  readonly metrics: Pick<Metrics, 'registry' | 'collectInventory'>;
  /** When set, a scrape without `Authorization: Bearer <token>` gets 401. */
  readonly bearerToken?: string;
}

/** Fits Express' `RequestHandler` and a plain `http.Server` alike. */
export type MetricsHandler = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

const TEXT = Registry.PROMETHEUS_CONTENT_TYPE;
const OPENMETRICS = Registry.OPENMETRICS_CONTENT_TYPE;

/** Serves the page: text exposition 0.0.4, or OpenMetrics 1.0.0 when `Accept` prefers it; gzip when accepted. */
export function createMetricsHandler({ metrics, bearerToken }: MetricsHandlerOptions): MetricsHandler {
  const compress = promisify<Buffer, Buffer>(gzip);
  return async (request, response) => {
    if (bearerToken !== undefined && !holdsToken(request, bearerToken)) return refuse(response);
    await metrics.collectInventory();
    const { registry } = metrics;
    const contentType = preferredType(request);
    const text = contentType === OPENMETRICS ? await renderOpenMetrics(registry) : await registry.metrics();
    const zipped = new Negotiator(request).encoding(['gzip', 'identity']) === 'gzip';
    const body = zipped ? await compress(Buffer.from(text)) : Buffer.from(text);
    response.writeHead(200, {
      'content-type': contentType,
      'content-length': body.length,
      'cache-control': 'no-store',
      vary: 'Accept, Accept-Encoding',
      ...(zipped && { 'content-encoding': 'gzip' }),
    });
    response.end(request.method === 'HEAD' ? undefined : body);
  };
}

function preferredType(request: IncomingMessage): string {
  // Scrapers add parameters that say nothing about the format; a media range with an unknown one would not match.
  const accept = request.headers.accept?.replace(/;\s*(escaping|charset)=[^;,]*/gi, '') ?? '*/*';
  const types = new Map([
    ['text/plain; version=0.0.4', TEXT],
    ['application/openmetrics-text; version=1.0.0', OPENMETRICS],
  ]);
  const preferred = new Negotiator({ headers: { accept } }).mediaType([...types.keys()]);
  // No scraper is better served by 406 than by the format every scraper reads.
  return types.get(preferred ?? '') ?? TEXT;
}

function holdsToken(request: IncomingMessage, token: string): boolean {
  const presented = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1];
  // Digests have one length, so the comparison tells nothing about the token's.
  return presented !== undefined && timingSafeEqual(digest(presented), digest(token));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function refuse(response: ServerResponse): void {
  const requestId = String(response.getHeader('x-request-id') ?? randomUUID());
  const problem = { type: 'about:blank', title: 'Unauthorized', status: 401, code: 'unauthenticated', requestId };
  response.writeHead(401, {
    'content-type': 'application/problem+json',
    'www-authenticate': 'Bearer realm="metrics"',
    'x-request-id': requestId,
  });
  response.end(JSON.stringify(problem));
}
