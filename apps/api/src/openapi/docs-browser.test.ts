import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { testRedisUrl } from '@aegis/local-stack';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Browser, chromium, type Page } from 'playwright-core';
import { startTestApi, type TestApi } from '../testing/test-api.js';
import type { OpenApiDocument } from './document-types.js';

/** `npm test` installs one where it can. `AEGIS_TEST_SCREENSHOT=FILE` keeps a picture of the page. */
const executablePath = programOnPath('chromium', 'chromium-browser', 'google-chrome');
// A CI that checks less than it says is a broken CI: there a missing browser fails the tests.
const skipped = executablePath === null && !process.env.CI;
if (skipped) process.stderr.write('skipped: /docs in a browser needs chromium on PATH (Debian: chromium)\n');

function programOnPath(...names: string[]): string | null {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  const paths = names.flatMap((name) => folders.map((folder) => join(folder, name)));
  return paths.find(isProgram) ?? null;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

(skipped ? describe.skip : describe)('/docs in a browser', () => {
  let api: TestApi;
  let browser: Browser;
  let page: Page;
  const requests: string[] = [];
  const complaints: string[] = [];

  beforeAll(async () => {
    api = await startTestApi(testRedisUrl('api'));
    browser = await chromium.launch({
      ...(executablePath !== null && { executablePath }),
      // A container has no user namespaces to build a sandbox of, and often a tiny /dev/shm. It only sees our own page.
      args: ['--no-sandbox', '--disable-dev-shm-usage'],
    });
    page = await browser.newPage({ viewport: { width: 1200, height: 1600 } });
    page.on('request', (request) => requests.push(request.url()));
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type()))
        complaints.push(`${message.text()} (${message.location().url})`);
    });
    page.on('pageerror', (error) => complaints.push(String(error)));
    await page.goto(`${api.url}/docs`);
    await page.locator('.opblock').first().waitFor();
    const { AEGIS_TEST_SCREENSHOT: path } = process.env;
    if (path) await page.screenshot({ path, fullPage: true });
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    await api.stop();
  });

  test('shows every operation of the document', async () => {
    const document = (await (await fetch(`${api.url}/openapi.json`)).json()) as OpenApiDocument;
    const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    const shown = await page.locator('.opblock-summary').evaluateAll((blocks) =>
      blocks.map((block) => {
        const text = (selector: string) => block.querySelector(selector)?.textContent ?? '';
        // Breaks are offered within paths by characters that show nothing.
        return `${text('.opblock-summary-method')} ${text('.opblock-summary-path').replaceAll('\u200b', '')}`;
      }),
    );
    expect(shown.toSorted()).toEqual(operations.toSorted());
  });

  test('opens an operation with its parameters and answers', async () => {
    await page.locator('#operations-relays-createRelay .opblock-summary').click();
    const block = page.locator('#operations-relays-createRelay');
    await block.locator('.responses-table').waitFor();
    const text = await block.textContent();
    expect(text).toContain('Idempotency-Key');
    expect(text).toContain('instanceType');
  });

  test('asks nobody but this server, and breaks none of its own rules', () => {
    expect(requests.length).toBeGreaterThanOrEqual(5);
    expect(requests.filter((url) => !url.startsWith(`${api.url}/`) && !url.startsWith('data:'))).toEqual([]);
    expect(complaints).toEqual([]);
  });
});
