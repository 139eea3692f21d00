// The root file system all images share, without an application: enough to run Node as the images' user and nothing else.
// `npm run test:images` has the whole.

import { execFile, execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { inRoot, missingForInRoot } from '../../images/in-root.js';
import { repositoryPath } from '../../src/repository.js';

const run = promisify(execFile);

/** Node starts several times in each test, which takes its time on a busy machine. */
const LOADED_MS = 60_000;

const missing = missingForInRoot();
const skipped = missing !== null && !process.env.CI;
if (skipped) process.stderr.write(`skipped: the root file system of the images: ${missing}\n`);

(skipped ? describe.skip : describe)('the root file system of the images', () => {
  let dir: string;
  let root: string;

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'aegis-root-files-'));
    root = join(dir, 'root');
    execFileSync('sh', [repositoryPath('deploy/docker/collect-root-files.sh'), root]);
    await writeFile(join(dir, 'hosts'), '127.0.0.1 redis\n');
  }, LOADED_MS);

  afterAll(() => rm(dir, { recursive: true, force: true }));

  async function inside(...command: string[]): Promise<string> {
    const mounts = [{ source: join(dir, 'hosts'), target: '/etc/hosts' }];
    const [program, args] = inRoot({ root, readOnly: true, user: '10001:10001', folder: '/app', mounts, command });
    return (await run(program, args, { env: { PATH: '/usr/bin:/bin:/usr/sbin:/sbin' } })).stdout.trim();
  }

  const node = (script: string): Promise<string> => inside('/usr/local/bin/node', '-p', script);

  test(
    'runs this very Node, as a user that has a name',
    async () => {
      expect(await node('process.version')).toBe(process.version);
      expect(JSON.parse(await node('JSON.stringify(os.userInfo())'))).toMatchObject({ uid: 10001, username: 'aegis' });
    },
    LOADED_MS,
  );

  test(
    'resolves names, and knows the authorities that sign certificates',
    async () => {
      const lookup = `dns.promises.lookup('redis').then(({ address }) => console.log(address)), ''`;
      expect(await node(lookup)).toBe('127.0.0.1');
      expect(Number(await node('tls.rootCertificates.length'))).toBeGreaterThan(100);
    },
    LOADED_MS,
  );

  test(
    'cannot be written, and has no shell',
    async () => {
      await expect(node(`fs.writeFileSync('/app/file', '')`)).rejects.toThrow(/EROFS/);
      await expect(inside('/bin/sh', '-c', 'true')).rejects.toThrow(/No such file/);
    },
    LOADED_MS,
  );
});
