import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BootstrapError, say } from './report.mjs';

function packagesOf(lockfile) {
  try {
    return JSON.parse(readFileSync(lockfile, 'utf8')).packages ?? {};
  } catch (error) {
    if (error.code === 'ENOENT') return null;
    throw new BootstrapError(`${lockfile} cannot be read: ${error.message}`);
  }
}

function sameEntry(wanted, installed) {
  // npm leaves out what was built for another platform, and only optional packages are.
  if (installed === undefined) return wanted.optional === true;
  return (
    wanted.link === installed.link &&
    wanted.resolved === installed.resolved &&
    wanted.version === installed.version &&
    wanted.integrity === installed.integrity
  );
}

/**
 * Whether node_modules holds what package-lock.json asks for. Compares contents with npm's own record of what it
 * installed (node_modules/.package-lock.json), because file times say nothing after a clone, a checkout or a cache.
 */
export function isInstalled(root) {
  const wanted = packagesOf(join(root, 'package-lock.json'));
  const installed = packagesOf(join(root, 'node_modules', '.package-lock.json'));
  if (wanted === null) throw new BootstrapError('package-lock.json is missing');
  if (installed === null) return false;
  return Object.entries(wanted)
    .filter(([path]) => path.includes('node_modules/'))
    .every(([path, entry]) => sameEntry(entry, installed[path]));
}

export function ensureNpmPackages(root) {
  if (isInstalled(root)) return;
  say('installing npm packages (npm ci)');
  const { status, error } = spawnSync('npm', ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (error !== undefined) throw new BootstrapError(`npm could not be started: ${error.message}`);
  if (status !== 0) throw new BootstrapError('npm ci failed: see the errors above');
}
