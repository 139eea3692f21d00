import { cp, mkdir, readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { repositoryPath } from '../../src/repository.js';

const ROOT = repositoryPath('');

// Its declarations describe an ES module, and it is none.
const dockerignore = createRequire(import.meta.url)(
  '@balena/dockerignore',
) as typeof import('@balena/dockerignore')['default'];

/** Files that no pattern can let in, left out so that the walk stays short. */
const NEVER_WALKED = new Set(['.git', 'node_modules', '.aegis']);

async function walk(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const found = await Promise.all(
    entries
      .filter(({ name }) => !NEVER_WALKED.has(name))
      .map((entry) => {
        const path = join(folder, entry.name);
        return entry.isDirectory() ? walk(path) : [relative(ROOT, path)];
      }),
  );
  return found.flat();
}

async function contextFilter(): Promise<(path: string) => boolean> {
  const text = await readFile(join(ROOT, '.dockerignore'), 'utf8');
  return dockerignore({ ignorecase: false }).add(text).createFilter();
}

/** The files of this repository that .dockerignore lets through, as paths from its root, sorted. */
export async function contextFiles(): Promise<string[]> {
  return (await walk(ROOT)).filter(await contextFilter()).sort();
}

/** Whether a path would be sent to the engine if it existed. */
export async function isInContext(path: string): Promise<boolean> {
  return (await contextFilter())(path);
}

/** Copies what an engine would be sent into an empty folder. */
export async function copyContext(target: string): Promise<void> {
  const files = await contextFiles();
  await Promise.all([...new Set(files.map(dirname))].map((folder) => mkdir(join(target, folder), { recursive: true })));
  await Promise.all(files.map((file) => cp(join(ROOT, file), join(target, file))));
}
