import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { ManagedProcess, type ManagedProcessOptions } from './managed-process.js';
import { type Reaper, startReaper } from './reaper.js';

let dir: string;
let reaper: Reaper;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'aegis-managed-process-'));
  reaper = startReaper();
});

afterAll(async () => {
  await reaper.stop();
  await rm(dir, { recursive: true, force: true });
});

function shell(script: string, options: Partial<ManagedProcessOptions> = {}): ManagedProcess {
  return new ManagedProcess({
    name: 'part',
    command: '/bin/sh',
    args: ['-c', script],
    env: {},
    logFile: join(dir, `${Math.random()}.log`),
    url: '',
    isReady: async () => true,
    readyTimeoutMs: 5_000,
    stopTimeoutMs: 5_000,
    reaper,
    ...options,
  });
}

describe('a managed process', () => {
  test('that ends at start-up is reported with the last lines it logged', async () => {
    const part = shell('echo first; echo "no such setting" >&2; exit 3', { isReady: async () => false });
    await expect(part.start()).rejects.toThrow(
      'part ended at start-up (exit code 3); its last lines:\nfirst\nno such setting',
    );
    expect(part.running).toBe(false);
  });

  test('that never becomes ready is killed and reported', async () => {
    const part = shell('echo waiting; exec sleep 60', { isReady: async () => false, readyTimeoutMs: 200 });
    await expect(part.start()).rejects.toThrow('part was not ready after 200 ms; its last lines:\nwaiting');
    expect(part.running).toBe(false);
  });

  test('whose program does not exist is reported', async () => {
    await expect(shell('', { command: '/no/such/program' }).start()).rejects.toThrow('part could not be started');
  });

  test('tells how it ended and can be started again', async () => {
    const part = shell('exec sleep 60');
    await part.start();
    const firstPid = part.pid;
    part.kill();
    expect(await part.exited()).toEqual({ code: null, signal: 'SIGKILL' });
    await part.restart();
    expect(part.running).toBe(true);
    expect(part.pid).not.toBe(firstPid);
    expect(await part.stop()).toEqual({ code: null, signal: 'SIGTERM' });
  });

  test('that ignores SIGTERM is killed once its time is over', async () => {
    const part = shell("trap '' TERM; echo up; while :; do sleep 1; done", {
      stopTimeoutMs: 200,
      isReady: async () => part.lastLogs().includes('up'),
    });
    await part.start();
    expect(await part.stop()).toEqual({ code: null, signal: 'SIGKILL' });
  });

  test('that is frozen can still be stopped in order', async () => {
    const part = shell('exec sleep 60');
    await part.start();
    part.kill('SIGSTOP');
    expect(await part.stop()).toEqual({ code: null, signal: 'SIGTERM' });
  });
});
