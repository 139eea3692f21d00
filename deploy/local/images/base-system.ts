import { existsSync, lstatSync, mkdirSync, readlinkSync, symlinkSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import type { InRoot } from './in-root.js';

type Mount = NonNullable<InRoot['mounts']>[number];

const SYSTEM_FOLDERS = ['/usr', '/etc', '/bin', '/sbin', '/lib', '/lib64'];

/** Where this machine's Node is, when that is not below /usr. */
function nodeFolder(): string[] {
  const folder = dirname(dirname(process.execPath));
  return folder.startsWith('/usr') ? [] : [folder];
}

/** How this machine reaches its registry stands in for what an engine would be told by its own settings. */
function npmSettings(): Mount[] {
  const file = join(homedir(), '.npmrc');
  return existsSync(file) ? [{ source: file, target: '/root/.npmrc' }] : [];
}

/** Makes a root's /bin and its like links where they are links on this machine. */
export function linkSystemFolders(root: string): void {
  mkdirSync(root, { recursive: true });
  for (const folder of SYSTEM_FOLDERS) {
    if (!existsSync(folder) || !lstatSync(folder).isSymbolicLink() || existsSync(join(root, folder))) continue;
    symlinkSync(readlinkSync(folder), join(root, folder));
  }
}

/** This machine's own system, read-only, in the place of the base image: it has no engine that could pull one. */
export function baseSystem(): Mount[] {
  const folders = SYSTEM_FOLDERS.filter((folder) => existsSync(folder) && !lstatSync(folder).isSymbolicLink());
  return [...folders, ...nodeFolder()].map((folder) => ({ source: folder, target: folder })).concat(npmSettings());
}

/** What tools need of the environment to reach a registry; nothing else of this machine's gets into a build. */
export function registryEnv(): NodeJS.ProcessEnv {
  const wanted = /^(npm_config_registry|npm_config_cafile|NODE_EXTRA_CA_CERTS|SSL_CERT_\w+|\w*_proxy)$/i;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => wanted.test(name)));
}
