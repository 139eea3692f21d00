import { link, readFile, rm, writeFile } from 'node:fs/promises';
import { UserError } from './user-error.js';

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * Claims a state folder with a pid file: two Redis servers on one append-only file would destroy it. A file whose process
 * is gone (kill -9) is taken over.
 */
export async function lockState(pidFile: string): Promise<() => Promise<void>> {
  const own = `${pidFile}.${process.pid}`;
  await writeFile(own, String(process.pid));
  try {
    for (;;) {
      try {
        // Linking a finished file in place is atomic: nobody ever reads a lock without its pid.
        await link(own, pidFile);
        return () => rm(pidFile, { force: true });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      const pid = Number(await readFile(pidFile, 'utf8').catch(() => ''));
      if (pid > 0 && isAlive(pid)) throw new UserError(`already running as process ${pid} (${pidFile})`);
      await rm(pidFile, { force: true });
    }
  } finally {
    await rm(own, { force: true });
  }
}
