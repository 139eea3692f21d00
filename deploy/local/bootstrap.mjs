// Makes a fresh machine ready: Node, npm packages, redis-server, the build. Plain Node without dependencies, because it
// runs before there are any. Every later run finds nothing to do and takes well under a second.
//
//   --with-prometheus   also wants prometheus, promtool and prometheus-alertmanager, and fails without them
//   --for-tests         wants them, openssl, a browser, kubectl, systemd-analyze and shellcheck too; outside CI the tests
//                       that use what cannot be had are skipped
//   --with-debian-machine   wants what boots a Debian with its own systemd (npm run test:systemd), and fails without
import { spawnSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { ensureKubectl } from './bootstrap/kubectl.mjs';
import { withLock } from './bootstrap/lock.mjs';
import { checkNodeVersion } from './bootstrap/node-version.mjs';
import { ensureNpmPackages } from './bootstrap/npm-packages.mjs';
import { BootstrapError, say } from './bootstrap/report.mjs';
import {
  ensureBrowser,
  ensureDebianMachine,
  ensureOpenssl,
  ensurePrometheus,
  ensureRedis,
  ensureShellcheck,
  ensureSystemdAnalyze,
} from './bootstrap/system-packages.mjs';

const root = resolve(import.meta.dirname ?? new URL('.', import.meta.url).pathname, '../..');

function run(what, script, ...args) {
  const { status } = spawnSync(process.execPath, [join(root, script), ...args], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (status !== 0) throw new BootstrapError(`the build failed (${what}): see the errors above`);
}

function build() {
  run('tsc -b', 'node_modules/typescript/bin/tsc', '-b');
  run('bundling', 'deploy/bundle/bundle-apps.mjs');
}

async function ensureForTests(what, ensure) {
  try {
    await ensure();
  } catch (error) {
    if (process.env.CI) throw error;
    say(`tests that need ${what} will be skipped: ${error.message}`);
  }
}

async function bootstrap(flags) {
  checkNodeVersion(root);
  await withLock(join(root, '.aegis', 'bootstrap.lock'), async () => {
    ensureNpmPackages(root);
    // With REDIS_URL the stack uses a Redis that is already there; tests start their own.
    if (flags.has('--for-tests') || !process.env.REDIS_URL) ensureRedis();
    if (flags.has('--with-prometheus')) ensurePrometheus();
    if (flags.has('--for-tests')) {
      await ensureForTests('openssl', ensureOpenssl);
      await ensureForTests('Prometheus', ensurePrometheus);
      await ensureForTests('a browser', ensureBrowser);
      await ensureForTests('kubectl', () => ensureKubectl(root));
      await ensureForTests('systemd-analyze', ensureSystemdAnalyze);
      await ensureForTests('shellcheck', ensureShellcheck);
    }
    if (flags.has('--with-debian-machine')) ensureDebianMachine();
    build();
  });
}

try {
  await bootstrap(new Set(process.argv.slice(2)));
} catch (error) {
  if (!(error instanceof BootstrapError)) throw error;
  say(error.message);
  process.exitCode = 1;
}
