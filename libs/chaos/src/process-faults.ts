import { setTimeout as delay } from 'node:timers/promises';
import type { ManagedProcess, Stack } from '@aegis/local-stack';
import type { Part } from './fault.js';

const START_ATTEMPTS = 5;

export function processOf(stack: Stack, part: Part): ManagedProcess {
  const found = [...stack.api, ...stack.jobs, stack.redis].find((process) => process?.name === part);
  if (!found) throw new Error(`the stack has no ${part}`);
  return found;
}

export async function killAndRestart(process: ManagedProcess, downMs: number): Promise<void> {
  process.kill('SIGKILL');
  await process.exited();
  await delay(downMs);
  await startAgain(process);
}

/** An orderly stop that takes too long is forced, as a supervisor would. */
export async function update(process: ManagedProcess): Promise<void> {
  await process.stop();
  await startAgain(process);
}

export async function freeze(process: ManagedProcess, forMs: number): Promise<void> {
  process.kill('SIGSTOP');
  await delay(forMs);
  process.kill('SIGCONT');
}

/** As a supervisor does: an app that refuses to start because Redis is away is started once more. */
export async function startAgain(process: ManagedProcess): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await process.start();
      return;
    } catch (error) {
      if (attempt === START_ATTEMPTS) throw error;
    }
  }
}
