import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const recordOf = (folder) => join(folder, 'made-of.json');

function stateOf(root, path) {
  const { mtimeMs, size } = statSync(join(root, path), { throwIfNoEntry: false }) ?? {};
  return [mtimeMs, size].join(' ');
}

/** Whether neither the bundle in this folder nor anything it was made of has changed since it was made. */
export function isCurrent(root, folder) {
  try {
    const record = JSON.parse(readFileSync(recordOf(folder), 'utf8'));
    return Object.entries(record).every(([path, state]) => stateOf(root, path) === state);
  } catch (error) {
    if (error.code !== 'ENOENT') rmSync(recordOf(folder), { force: true });
    return false;
  }
}

export function recordFiles(root, folder, paths) {
  const record = Object.fromEntries(paths.map((path) => [path, stateOf(root, path)]));
  writeFileSync(recordOf(folder), JSON.stringify(record));
}
