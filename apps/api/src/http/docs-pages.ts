import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { RequestHandler } from 'express';
import type { OpenApiDocument } from '../openapi/document-types.js';

/** The page's own files and nothing else: no script of a third party, no inline script, no frame around it. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  // Swagger UI sets styles on its elements.
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const OWN_FILES = fileURLToPath(new URL('../../docs-page/', import.meta.url));
const SWAGGER_FILES = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));

interface Page {
  type: string;
  load(): Promise<string | Buffer>;
}

/**
 * `/openapi.json`, and `/docs` that shows it in a browser. All of it is served from this process. The document is made when
 * it is first asked for: that takes as long as a quarter of the start of the process, and few processes are ever asked.
 */
export function createDocsPages(createDocument: () => Promise<OpenApiDocument>): Map<string, RequestHandler> {
  const own = (file: string) => () => readFile(join(OWN_FILES, file));
  const swagger = (file: string) => () => readFile(join(SWAGGER_FILES, file));
  const pages: [path: string, page: Page][] = [
    ['/openapi.json', { type: 'application/json', load: async () => JSON.stringify(await createDocument()) }],
    ['/docs', { type: 'text/html; charset=utf-8', load: own('index.html') }],
    ['/docs/start.js', { type: 'text/javascript; charset=utf-8', load: own('start.js') }],
    ['/docs/swagger-ui.css', { type: 'text/css; charset=utf-8', load: swagger('swagger-ui.css') }],
    ['/docs/favicon-32x32.png', { type: 'image/png', load: swagger('favicon-32x32.png') }],
    ['/docs/swagger-ui-bundle.js', { type: 'text/javascript; charset=utf-8', load: swagger('swagger-ui-bundle.js') }],
  ];
  return new Map(pages.map(([path, page]) => [path, serve(page)]));
}

const compress = promisify(gzip);

/** Read and compressed when first asked for, then kept: the files never change while the process lives. */
function serve({ type, load }: Page): RequestHandler {
  const once = <T>(make: () => Promise<T>): (() => Promise<T>) => {
    let made: Promise<T> | undefined;
    return () => {
      made ??= make();
      return made;
    };
  };
  const plain = once(async () => Buffer.from(await load()));
  const packed = once(async () => compress(await plain()));
  return async (request, response) => {
    const gzipped = request.acceptsEncodings('gzip') === 'gzip';
    const body = await (gzipped ? packed() : plain());
    response
      .writeHead(200, {
        'Content-Type': type,
        'Content-Length': body.length,
        ...(gzipped && { 'Content-Encoding': 'gzip' }),
        Vary: 'Accept-Encoding',
        'Cache-Control': 'no-cache',
        'Content-Security-Policy': CONTENT_SECURITY_POLICY,
        'Referrer-Policy': 'no-referrer',
        'X-Content-Type-Options': 'nosniff',
      })
      .end(body);
  };
}
