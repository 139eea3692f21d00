import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const SCRIPT = fileURLToPath(new URL('../reaper.sh', import.meta.url));

/** Outlives this process just long enough to end the children it is told of, however this process dies. */
export interface Reaper {
  watch(pid: number): void;
  forget(pid: number): void;
  /** Ends the reaper, and with it every process still watched. */
  stop(): Promise<void>;
}

/** In its own session, so that a Ctrl-C meant for the parent does not end it too. */
export function startReaper(): Reaper {
  const child: ChildProcess = spawn('/bin/sh', [SCRIPT], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
  const pipe = child.stdin;
  if (pipe === null) throw new Error('the reaper has no standard input');
  const gone = once(child, 'exit');
  pipe.on('error', () => {
    // The reaper was killed from outside: children are then only ended by an orderly stop.
  });
  child.unref();
  if ('unref' in pipe && typeof pipe.unref === 'function') pipe.unref();
  return {
    watch: (pid) => void pipe.write(`+ ${pid}\n`),
    forget: (pid) => void pipe.write(`- ${pid}\n`),
    async stop() {
      child.ref();
      pipe.end();
      await gone;
    },
  };
}
