// What can be said of deploy/docker/Dockerfile without carrying it out; `npm run test:images` carries it out.

import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { validate } from 'dockerfile-utils';
import { repositoryPath } from '../../src/repository.js';
import { contextFiles, isInContext } from './build-context.js';
import { DOCKERFILE, readDockerfile, resolveStage } from './read-dockerfile.js';

const stages = readDockerfile();
/** What `npm run up` and every test of whole processes start, too. */
const PROGRAM_FILES: Record<string, string> = {
  api: 'apps/api/bundle/aegis-api.mjs',
  jobs: 'apps/jobs/bundle/aegis-jobs.mjs',
  sim: 'libs/ec2-sim/dist/main.js',
};
const PROGRAMS = Object.keys(PROGRAM_FILES);

test('the linter finds nothing', () => {
  expect(validate(readFileSync(DOCKERFILE, 'utf8')).map(({ message }) => message)).toEqual([]);
});

test('every base image is pinned to an exact version', () => {
  const names = new Set(stages.map(({ name }) => name));
  const bases = stages.map(({ from }) => from).filter((from) => from !== 'scratch' && !names.has(from));
  expect(bases).not.toEqual([]);
  for (const base of bases) expect(base).toMatch(/^[a-z/]+:\d+\.\d+\.\d+[-a-z]*(@sha256:[0-9a-f]{64})?$/);
});

test('packages come from the lock file alone and run no scripts', () => {
  const installs = stages.flatMap(({ steps }) => steps).filter(({ text }) => /\bnpm (ci|install|i)\b/.test(text));
  expect(installs.length).toBeGreaterThanOrEqual(2);
  for (const { text } of installs) expect(text).toMatch(/^npm ci --ignore-scripts /);
});

describe.each(PROGRAMS)('the image %s', (program) => {
  const image = resolveStage(stages, program);

  test('starts from nothing, so that it holds no shell and no package manager', () => {
    expect(image.from).toBe('scratch');
  });

  test('runs as a user that is a number and not root', () => {
    expect(image.user).toMatch(/^[1-9]\d{3,}:[1-9]\d{3,}$/);
  });

  test('starts its program without a shell, so that signals reach it', () => {
    expect(image.entrypoint?.at(-1)).toBe(`/app/${PROGRAM_FILES[program]}`);
    expect(image.stopSignal).toBe('SIGTERM');
  });

  test('says by itself whether it is healthy', () => {
    expect(image.healthcheck?.slice(0, 3)).toEqual(['/usr/local/bin/node', '/app/healthcheck.mjs', program]);
    expect(image.ports).toHaveLength(1);
  });

  test('carries the labels of the Open Container Initiative', () => {
    const names = Object.keys(image.labels).map((name) => name.replace('org.opencontainers.image.', ''));
    expect(names.sort()).toEqual(['description', 'licenses', 'revision', 'title', 'vendor', 'version']);
  });
});

describe('.dockerignore', () => {
  test('lets in what is built from', async () => {
    const files = await contextFiles();
    expect(files).toEqual(
      expect.arrayContaining([
        'package-lock.json',
        'apps/api/src/main.ts',
        'libs/relays/lua/create.lua',
        'deploy/bundle/bundle-apps.mjs',
        'deploy/local/package.json',
      ]),
    );
  });

  test.each([
    'deploy/docker/secrets/aegis_secret',
    '.git/config',
    'deploy/docker/jobs.env',
    '.env',
    'node_modules/zod/index.js',
    'apps/api/dist/main.js',
    'apps/api/bundle/aegis-api.mjs',
    '.aegis/state',
  ])('keeps out %s', async (path) => {
    expect(await isInContext(path)).toBe(false);
  });
});

describe('healthcheck.mjs', () => {
  function check(port: number, path: string): Promise<{ code: number; line: string }> {
    return new Promise((resolve) => {
      const env = { AEGIS_API_PORT: String(port) };
      const script = repositoryPath('deploy/docker/healthcheck.mjs');
      execFile(process.execPath, [script, 'api', path], { env }, (error, stdout) =>
        resolve({ code: Number(error?.code ?? 0), line: stdout.trim() }),
      );
    });
  }

  async function listening(): Promise<Server> {
    const server = createServer((request, response) => response.writeHead(request.url === '/readyz' ? 200 : 503).end());
    return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
  }

  test('ends with 0 for a 2xx answer alone', async () => {
    const server = await listening();
    const { port } = server.address() as AddressInfo;
    expect(await check(port, '/readyz')).toEqual({ code: 0, line: `http://127.0.0.1:${port}/readyz answered 200` });
    expect(await check(port, '/other')).toMatchObject({ code: 1 });
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    expect(await check(port, '/readyz')).toEqual({
      code: 1,
      line: `http://127.0.0.1:${port}/readyz does not answer: ECONNREFUSED`,
    });
  });
});
