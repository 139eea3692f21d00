import { createHash } from 'node:crypto';
import { lstat, readdir, readFile, readlink } from 'node:fs/promises';
import { join, relative } from 'node:path';

/** Of each path below a folder what an image would hold of it: kind, mode, owner and content. */
export type TreeDigest = Map<string, string>;

export interface TreeSize {
  files: number;
  bytes: number;
}

/** Files that are read at a time. */
const AT_A_TIME = 64;

async function hashOf(path: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
}

async function describe(path: string): Promise<string> {
  const entry = await lstat(path);
  const rights = `${(entry.mode & 0o7777).toString(8)} ${entry.uid}:${entry.gid}`;
  if (entry.isSymbolicLink()) return `link ${await readlink(path)}`;
  if (entry.isDirectory()) return `folder ${rights}`;
  if (entry.isFile()) return `file ${rights} ${await hashOf(path)}`;
  return `special ${rights}`;
}

/** Every path below the folder, folders before what is in them. */
export async function pathsBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  return entries.map((entry) => relative(folder, join(entry.parentPath, entry.name))).sort();
}

export async function digestTree(folder: string): Promise<TreeDigest> {
  const paths = await pathsBelow(folder);
  const digest: TreeDigest = new Map();
  for (let start = 0; start < paths.length; start += AT_A_TIME) {
    const some = paths.slice(start, start + AT_A_TIME);
    const described = await Promise.all(some.map((path) => describe(join(folder, path))));
    some.forEach((path, index) => {
      digest.set(path, described[index] ?? '');
    });
  }
  return digest;
}

/** The paths that one of the two lacks or holds differently, with both sides. */
export function differences(one: TreeDigest, other: TreeDigest): string[] {
  const paths = [...new Set([...one.keys(), ...other.keys()])].sort();
  return paths
    .filter((path) => one.get(path) !== other.get(path))
    .map((path) => `${path}: ${one.get(path) ?? 'absent'} / ${other.get(path) ?? 'absent'}`);
}

export async function sizeOfTree(folder: string): Promise<TreeSize> {
  const sizes = await Promise.all(
    (await pathsBelow(folder)).map(async (path) => {
      const entry = await lstat(join(folder, path));
      return entry.isFile() ? entry.size : null;
    }),
  );
  const files = sizes.filter((size) => size !== null);
  return { files: files.length, bytes: files.reduce((sum, size) => sum + size, 0) };
}
