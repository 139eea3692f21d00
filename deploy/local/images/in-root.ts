import { fileURLToPath } from 'node:url';

const SCRIPT = fileURLToPath(new URL('./in-root.sh', import.meta.url));

export interface InRoot {
  /** A folder of this machine that the command sees as `/`. */
  root: string;
  /** Read-only but for mounts that say otherwise. */
  readOnly: boolean;
  /** `10001:10001`: numbers of a user and a group. */
  user: string;
  /** Working folder, as the command sees it. */
  folder: string;
  mounts?: readonly { source: string; target: string; writable?: boolean }[];
  command: readonly string[];
}

/** What to spawn so that the command runs with a root file system of its own; the child's pid is the command's. */
export function inRoot({ root, readOnly, user, folder, mounts = [], command }: InRoot): [string, string[]] {
  const binds = mounts.map(({ source, target, writable }) => `${source}:${target}${writable ? ':rw' : ''}`);
  const access = readOnly ? 'ro' : 'rw';
  return ['unshare', ['--mount', 'sh', SCRIPT, root, access, user, folder, ...binds, '--', ...command]];
}

/** Why no root file system can be changed here, or null. */
export function missingForInRoot(): string | null {
  if (process.platform !== 'linux') return 'Linux is needed: mounts and chroot stand in for an engine';
  if (process.getuid?.() !== 0) return 'root is needed: mounts and chroot stand in for an engine';
  return null;
}
