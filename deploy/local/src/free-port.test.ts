import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, expect, test } from '@jest/globals';
import { freePort, isPortFree, reservePort } from './free-port.js';
import { repositoryPath } from './repository.js';

let holder: ChildProcess | undefined;
afterEach(() => {
  holder?.kill('SIGKILL');
});

/** A process that asks for a port and lives on, with nothing listening there. */
async function portOfAnotherProcess(): Promise<number> {
  const program = `
    const { freePort } = await import(process.argv[1]);
    process.send(await freePort());
    setInterval(() => {}, 1_000);
  `;
  const args = ['--input-type=module', '-e', program, repositoryPath('deploy/local/dist/free-port.js')];
  holder = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const [port] = await once(holder, 'message');
  return port as number;
}

test('a port belongs to the process it was given to, listened on or not, until that ends', async () => {
  const port = await portOfAnotherProcess();
  expect(await isPortFree(port)).toBe(true);
  expect(await reservePort(port)).toBe(false);
  const ended = once(holder as ChildProcess, 'exit');
  holder?.kill('SIGKILL');
  await ended;
  expect(await reservePort(port)).toBe(true);
});

test('a port is given once', async () => {
  const port = await freePort();
  expect(await reservePort(port)).toBe(false);
});
