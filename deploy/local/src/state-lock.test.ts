import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { lockState } from './state-lock.js';

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'aegis-state-lock-'));
});

afterEach(() => rm(dir, { recursive: true, force: true }));

test('a state folder belongs to one process at a time', async () => {
  const unlock = await lockState(join(dir, 'up.pid'));
  await expect(lockState(join(dir, 'up.pid'))).rejects.toThrow(`already running as process ${process.pid}`);
  await unlock();
  await (await lockState(join(dir, 'up.pid')))();
});

test('the lock of a process that died is taken over', async () => {
  const pidFile = join(dir, 'up.pid');
  await writeFile(pidFile, '2147483646');
  const unlock = await lockState(pidFile);
  expect(await readFile(pidFile, 'utf8')).toBe(String(process.pid));
  await unlock();
});
