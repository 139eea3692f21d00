import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { repositoryPath } from './repository.js';

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

const PARENT = `
  import { spawn } from 'node:child_process';
  import { startReaper } from ${JSON.stringify(repositoryPath('deploy/local/dist/reaper.js'))};
  const reaper = startReaper();
  const [first, second, frozen] = [60, 61, 62].map((seconds) =>
    spawn('sleep', [String(seconds)], { detached: true, stdio: 'ignore' }).pid);
  for (const pid of [first, second, frozen]) reaper.watch(pid);
  reaper.forget(second);
  process.kill(frozen, 'SIGSTOP');
  console.log(JSON.stringify({ first, second, frozen }));
  setInterval(() => {}, 1_000);
`;

test('the children of a parent that is killed the hard way end, those it gave up are spared', async () => {
  const parent = spawn(process.execPath, ['--input-type=module', '-e', PARENT], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(parent.stdout, 'data')) as [Buffer];
  const { first, second, frozen } = JSON.parse(line.toString()) as Record<'first' | 'second' | 'frozen', number>;
  try {
    parent.kill('SIGKILL');
    await once(parent, 'close');
    const deadline = Date.now() + 5_000;
    while ((isAlive(first) || isAlive(frozen)) && Date.now() < deadline) await delay(20);
    expect([first, second, frozen].map(isAlive)).toEqual([false, true, false]);
  } finally {
    process.kill(second, 'SIGKILL');
  }
});
