import { readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { repositoryPath } from '../src/repository.js';

interface Locked {
  /** Only development dependencies lead to it. */
  dev?: boolean;
}

/** `node_modules/a` and `node_modules/a/node_modules/@b/c`: where npm has put packages below a folder. */
export async function installedPackages(folder: string, below = ''): Promise<string[]> {
  const at = join(below, 'node_modules');
  const names = await readdir(join(folder, at)).catch(() => []);
  const scoped = await Promise.all(
    names.map(async (name) =>
      name.startsWith('@') ? (await readdir(join(folder, at, name))).map((inner) => join(name, inner)) : [name],
    ),
  );
  const here = scoped.flat().filter((name) => !name.startsWith('.'));
  const deeper = await Promise.all(here.map((name) => installedPackages(folder, join(at, name))));
  return [...here.map((name) => join(at, name)), ...deeper.flat()].sort();
}

/** What package-lock.json says of each path; a path that it does not know is absent. */
export function lockedPackages(): ReadonlyMap<string, Locked> {
  const { packages } = JSON.parse(readFileSync(repositoryPath('package-lock.json'), 'utf8'));
  return new Map(Object.entries(packages));
}
