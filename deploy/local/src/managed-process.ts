import { type ChildProcess, spawn } from 'node:child_process';
import { once, setMaxListeners } from 'node:events';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Reaper } from './reaper.js';

export interface ManagedProcessOptions {
  /** What messages and log files call it: `api-1`. */
  name: string;
  command: string;
  args: string[];
  env: NodeJS.ProcessEnv;
  /** Standard output and standard error go here; a restart appends. */
  logFile: string;
  url: string;
  /** Asked again and again after each start; false and a rejection both mean not yet. */
  isReady(signal: AbortSignal): Promise<boolean>;
  readyTimeoutMs: number;
  /** How long a SIGTERM may take before `stop` sends SIGKILL. */
  stopTimeoutMs: number;
  reaper: Reaper;
}

export interface ProcessExit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

const POLL_MS = 25;
const LAST_LINES = 15;
const LAST_BYTES = 65_536;

/** A child process that ended or hangs where it must not; the message ends with the last lines it logged. */
export class ProcessError extends Error {
  override readonly name = 'ProcessError';
}

/** One real child process that can be killed, frozen and started again by tests, with its log in a file. */
export class ManagedProcess {
  #child: ChildProcess | undefined;
  #exit: Promise<ProcessExit> = Promise.resolve({ code: null, signal: null });

  constructor(private readonly options: ManagedProcessOptions) {}

  get name(): string {
    return this.options.name;
  }

  get url(): string {
    return this.options.url;
  }

  get logFile(): string {
    return this.options.logFile;
  }

  /** Of the running process, or of the last one. */
  get pid(): number {
    const pid = this.#child?.pid;
    if (pid === undefined) throw new Error(`${this.name} was never started`);
    return pid;
  }

  get running(): boolean {
    const child = this.#child;
    return child?.pid !== undefined && child.exitCode === null && child.signalCode === null;
  }

  /** Resolves when the process that runs now has ended; at once when none does. */
  exited(): Promise<ProcessExit> {
    return this.#exit;
  }

  /** Sends a signal, SIGKILL by default; does not wait. Nothing happens when the process has ended. */
  kill(signal: NodeJS.Signals = 'SIGKILL'): void {
    if (this.running) this.#child?.kill(signal);
  }

  lastLogs(lines = LAST_LINES): string[] {
    return endOf(this.options.logFile, LAST_BYTES).trimEnd().split('\n').slice(-lines);
  }

  /** Starts the process and resolves once it is ready. */
  async start(): Promise<void> {
    await this.#spawn();
    await this.#ready();
  }

  /** Ends the process if it still runs (SIGTERM, then SIGKILL) and starts it again with the same ports and files. */
  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  async stop(): Promise<ProcessExit> {
    if (!this.running) return this.#exit;
    this.kill('SIGTERM');
    // A process frozen by SIGSTOP takes a SIGTERM only after it goes on.
    this.kill('SIGCONT');
    const timeout = new AbortController();
    const forced = delay(this.options.stopTimeoutMs, 'late', { signal: timeout.signal }).catch(() => 'in time');
    if ((await Promise.race([this.#exit, forced])) === 'late') this.kill('SIGKILL');
    timeout.abort();
    return this.#exit;
  }

  async #spawn(): Promise<void> {
    const { command, args, env, logFile, reaper } = this.options;
    const log = openSync(logFile, 'a');
    // Its own process group: a Ctrl-C reaches only the parent, which then ends its children in order.
    const child = spawn(command, args, { env, stdio: ['ignore', log, log], detached: true });
    closeSync(log);
    const { pid } = child;
    if (pid === undefined) {
      const [error] = (await once(child, 'error')) as [Error];
      throw new ProcessError(`${this.name} could not be started: ${error.message}`);
    }
    reaper.watch(pid);
    this.#child = child;
    this.#exit = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        reaper.forget(pid);
        resolve({ code, signal });
      });
    });
  }

  async #ready(): Promise<void> {
    const { isReady, readyTimeoutMs } = this.options;
    const deadline = AbortSignal.timeout(readyTimeoutMs);
    // Every try listens to it.
    setMaxListeners(0, deadline);
    while (this.running) {
      if (await isReady(deadline).catch(() => false)) return;
      if (deadline.aborted) break;
      await Promise.race([this.#exit, delay(POLL_MS)]);
    }
    if (!this.running) throw this.failure(`${this.name} ended at start-up (${describe(await this.#exit)})`);
    this.kill('SIGKILL');
    await this.#exit;
    throw this.failure(`${this.name} was not ready after ${readyTimeoutMs} ms`);
  }

  /** An error that says what is wrong with the process and shows its last lines. */
  failure(what: string): ProcessError {
    return new ProcessError(`${what}; its last lines:\n${this.lastLogs().join('\n')}`);
  }
}

function describe({ code, signal }: ProcessExit): string {
  return signal === null ? `exit code ${code}` : `signal ${signal}`;
}

function endOf(file: string, bytes: number): string {
  const descriptor = openSync(file, 'r');
  try {
    const size = Math.min(bytes, fstatSync(descriptor).size);
    const buffer = Buffer.alloc(size);
    readSync(descriptor, buffer, 0, size, fstatSync(descriptor).size - size);
    return buffer.toString();
  } finally {
    closeSync(descriptor);
  }
}
