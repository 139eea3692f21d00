import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { say } from './report.mjs';

const POLL_MS = 100;

/** What the lock file says, or null when there is none. */
function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

function isAlive(pid) {
  // Signal 0 to process 0 would reach our own group.
  if (!(pid > 0)) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** Linking a finished file in place is atomic: nobody ever reads a lock without its pid. */
function tryLock(path) {
  const own = `${path}.${process.pid}`;
  writeFileSync(own, String(process.pid));
  try {
    linkSync(own, path);
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    return false;
  } finally {
    rmSync(own, { force: true });
  }
}

/** Runs `work` while holding a pid file, so that two commands started at once do not install or build over each other. */
export async function withLock(path, work) {
  mkdirSync(dirname(path), { recursive: true });
  let announced = false;
  while (!tryLock(path)) {
    const owner = read(path);
    if (owner !== null && !isAlive(Number(owner))) {
      // Killed without removing it. Another waiter may have taken it over since.
      if (read(path) === owner) rmSync(path, { force: true });
      continue;
    }
    if (!announced) say(`waiting for another set-up of this folder (process ${owner})`);
    announced = true;
    await delay(POLL_MS);
  }
  try {
    return await work();
  } finally {
    rmSync(path, { force: true });
  }
}
