import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../src/free-port.js';
import { repositoryPath } from '../src/repository.js';

export type UpEnv = Record<'AEGIS_API_PORT' | 'AEGIS_JOBS_PORT' | 'AEGIS_SIM_PORT', string> & NodeJS.ProcessEnv;

export async function upEnv(extra: NodeJS.ProcessEnv = {}): Promise<UpEnv> {
  return {
    AEGIS_API_PORT: String(await freePort()),
    AEGIS_JOBS_PORT: String(await freePort()),
    AEGIS_SIM_PORT: String(await freePort()),
    ...extra,
  };
}

export async function removeState({ AEGIS_API_PORT }: UpEnv): Promise<void> {
  await rm(repositoryPath(`.aegis/${AEGIS_API_PORT}`), { recursive: true, force: true });
}

/** `npm run up` as a user types it, in a process group of its own as a terminal would have it. */
export class UpRun {
  readonly #npm: ChildProcess;
  readonly #closed: Promise<number | null>;
  #output = '';

  constructor(env: UpEnv, args: string[] = []) {
    const { PATH, HOME } = process.env;
    this.#npm = spawn('npm', ['run', '--silent', 'up', '--', ...args], {
      cwd: repositoryPath('.'),
      env: { PATH, HOME, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    for (const stream of [this.#npm.stdout, this.#npm.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        this.#output += chunk.toString();
      });
    }
    this.#closed = new Promise((resolve) => this.#npm.once('close', resolve));
  }

  get output(): string {
    return this.#output;
  }

  /** What the stack itself had to say; npm may add warnings of its own. */
  get said(): string[] {
    return this.#output.split('\n').filter((line) => line.startsWith('aegis: '));
  }

  /** The exit code. */
  closed(): Promise<number | null> {
    return this.#closed;
  }

  async ready(withinMs: number): Promise<void> {
    const deadline = performance.now() + withinMs;
    while (!this.#output.includes('Ctrl-C stops everything')) {
      if (this.#npm.exitCode !== null || performance.now() > deadline) throw new Error(`not ready:\n${this.#output}`);
      await delay(20);
    }
  }

  /** npm and everything it started, directly or not. */
  processes(): number[] {
    const parents = execFileSync('ps', ['-eo', 'pid=,ppid='], { encoding: 'utf8' })
      .trim()
      .split('\n')
      .map((line) => line.trim().split(/\s+/).map(Number) as [number, number]);
    const found = [this.#pid];
    for (const parent of found) found.push(...parents.filter(([, ppid]) => ppid === parent).map(([pid]) => pid));
    return found;
  }

  /** What a terminal does when Ctrl-C is typed; nothing when all has ended. */
  pressCtrlC(): void {
    if (this.#npm.exitCode === null && this.#npm.signalCode === null) process.kill(-this.#pid, 'SIGINT');
  }

  /** To npm alone, as a supervisor would. */
  terminate(): void {
    this.#npm.kill('SIGTERM');
  }

  get #pid(): number {
    if (this.#npm.pid === undefined) throw new Error('npm was not started');
    return this.#npm.pid;
  }
}

export function alive(pids: number[]): number[] {
  return pids.filter((pid) => {
    try {
      process.kill(pid, 0);
      return true;
    } catch {
      return false;
    }
  });
}
