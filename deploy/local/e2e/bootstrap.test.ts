// The set-up that npm runs before anything else; each test runs it, or a part of it, in a Node of its own.

import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { repositoryPath } from '../src/repository.js';

const run = promisify(execFile);

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'aegis-bootstrap-'));
});

afterEach(() => rm(dir, { recursive: true, force: true }));

/** Runs statements that may use the names a module of the bootstrap exports; what they print is the answer. */
async function inNode(module: string, names: string, statements: string): Promise<string> {
  const url = JSON.stringify(repositoryPath(`deploy/local/bootstrap/${module}.mjs`));
  const script = `import { ${names} } from ${url};\n${statements}`;
  return (await run(process.execPath, ['--input-type=module', '-e', script])).stdout.trim();
}

describe('npm packages', () => {
  const LEFT_PAD = { version: '1.3.0', integrity: 'sha512-a' };
  const FOR_A_MAC = { version: '2.0.0', integrity: 'sha512-b', optional: true, os: ['darwin'] };
  const WORKSPACE = { resolved: 'libs/relays', link: true };

  async function isInstalled(wanted: object, installed: object | null): Promise<boolean> {
    await writeFile(join(dir, 'package-lock.json'), JSON.stringify({ packages: { '': {}, ...wanted } }));
    if (installed !== null) {
      await mkdir(join(dir, 'node_modules'));
      await writeFile(join(dir, 'node_modules', '.package-lock.json'), JSON.stringify({ packages: installed }));
    }
    return (await inNode('npm-packages', 'isInstalled', `console.log(isInstalled(${JSON.stringify(dir)}))`)) === 'true';
  }

  const wanted = { 'node_modules/left-pad': LEFT_PAD, 'node_modules/mac-only': FOR_A_MAC };

  test('are installed on a fresh clone', async () => {
    expect(await isInstalled(wanted, null)).toBe(false);
  });

  test('are left alone when the lock file has what is there, but for other platforms', async () => {
    expect(await isInstalled(wanted, { 'node_modules/left-pad': LEFT_PAD })).toBe(true);
  });

  test('are installed again when the lock file has another version', async () => {
    const older = { 'node_modules/left-pad': { ...LEFT_PAD, version: '1.2.0' } };
    expect(await isInstalled(wanted, older)).toBe(false);
  });

  test('are installed again when a workspace was added', async () => {
    const more = { ...wanted, 'node_modules/@aegis/relays': WORKSPACE };
    expect(await isInstalled(more, { 'node_modules/left-pad': LEFT_PAD })).toBe(false);
  });
});

test('two set-ups of one folder take turns', async () => {
  const lock = JSON.stringify(join(dir, 'lock'));
  const log = JSON.stringify(join(dir, 'log'));
  const work = `
    import { appendFileSync } from 'node:fs';
    await withLock(${lock}, async () => {
      appendFileSync(${log}, 'in ');
      await new Promise((resolve) => setTimeout(resolve, 150));
      appendFileSync(${log}, 'out ');
    });`;
  await Promise.all([1, 2, 3].map(() => inNode('lock', 'withLock', work)));
  expect(await readFile(join(dir, 'log'), 'utf8')).toBe('in out in out in out ');
});

test('the lock of a set-up that was killed is taken over', async () => {
  await writeFile(join(dir, 'lock'), '2147483646');
  const lock = JSON.stringify(join(dir, 'lock'));
  expect(await inNode('lock', 'withLock', `await withLock(${lock}, () => console.log('done'))`)).toBe('done');
});

test.each([
  ['v5.0.1', /^fit$/],
  ['v4.5.7', /^(npm could not be started|kubectl 1\.27 or newer not found)/],
])('of a kubectl with kustomize %s it says whether it will do', async (version, answer) => {
  await writeFile(join(dir, 'kubectl'), `#!/bin/sh\necho '{ "kustomizeVersion": "${version}" }'\n`, { mode: 0o755 });
  const path = JSON.stringify(dir);
  const statements = `
    process.env.PATH = ${path};
    console.log(await ensureKubectl(${path}).then(() => 'fit', (error) => error.message));`;
  expect(await inNode('kubectl', 'ensureKubectl', statements)).toMatch(answer);
});

test('without Redis and without a way to install it, one line says what to install', async () => {
  await symlink(process.execPath, join(dir, 'node'));
  const bootstrap = run(process.execPath, [repositoryPath('deploy/local/bootstrap.mjs')], { env: { PATH: dir } });
  const failure = (await bootstrap.catch((error: unknown) => error)) as { code: number; stderr: string };
  expect(failure.code).toBe(1);
  expect(failure.stderr).toMatch(
    /^aegis: redis-server not found on PATH: install Redis .*apt-get install redis-server.*\n$/,
  );
});
