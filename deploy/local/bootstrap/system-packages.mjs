import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { BootstrapError, say } from './report.mjs';

const POLICY_RC_D = '/usr/sbin/policy-rc.d';

/** Programs with the names they go by and the Debian package (which is also the name of its service) that has them. */
const REDIS = [{ names: ['redis-server'], package: 'redis-server' }];
const PROMETHEUS = [
  { names: ['prometheus'], package: 'prometheus' },
  { names: ['promtool'], package: 'prometheus' },
  { names: ['prometheus-alertmanager', 'alertmanager'], package: 'prometheus-alertmanager' },
];
const SYSTEMD_ANALYZE = [{ names: ['systemd-analyze'], package: 'systemd' }];
const DEBIAN_MACHINE = [
  { names: ['debootstrap'], package: 'debootstrap' },
  { names: ['systemd-nspawn'], package: 'systemd-container' },
  { names: ['slirp4netns'], package: 'slirp4netns' },
];
const OPENSSL = [{ names: ['openssl'], package: 'openssl' }];
const SHELLCHECK = [{ names: ['shellcheck'], package: 'shellcheck' }];
const BROWSER = [{ names: ['chromium', 'chromium-browser', 'google-chrome'], package: 'chromium' }];

function isOnPath(name) {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  return folders.some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function missingOf(programs) {
  return programs.filter(({ names }) => !names.some(isOnPath));
}

function run(command, args) {
  const { status, stdout, stderr } = spawnSync(command, args, {
    encoding: 'utf8',
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (status === 0) return;
  const lastLines = `${stdout ?? ''}${stderr ?? ''}`.trim().split('\n').slice(-5).join('\n');
  throw new BootstrapError(`${command} ${args.join(' ')} failed:\n${lastLines}`);
}

/** Debian starts the service a package brings; a policy-rc.d that answers 101 forbids it for as long as it exists. */
function withoutStartingServices(install) {
  if (existsSync(POLICY_RC_D)) return install();
  // A signal must not end us between writing the file and removing it: the handler runs once the installation is over.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(1));
  writeFileSync(POLICY_RC_D, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    return install();
  } finally {
    rmSync(POLICY_RC_D, { force: true });
  }
}

/** The stack runs its own private servers: what a package brought must neither run now nor at the next boot. */
function keepServiceOff(service) {
  if (existsSync('/run/systemd/system')) spawnSync('systemctl', ['disable', '--now', service], { stdio: 'ignore' });
}

function ensurePrograms(programs, otherwise) {
  const missing = missingOf(programs);
  if (missing.length === 0) return;
  const absent = missing.map(({ names }) => names[0]).join(', ');
  if (!isOnPath('apt-get') || process.getuid?.() !== 0) {
    throw new BootstrapError(`${absent} not found on PATH: ${otherwise}`);
  }
  // Only packages that were absent are installed, so no service of the machine's owner is touched below.
  const packages = [...new Set(missing.map((program) => program.package))];
  say(`installing ${packages.join(', ')} (apt-get; no service is started)`);
  withoutStartingServices(() => {
    run('apt-get', ['update', '-qq', '-o', 'DPkg::Lock::Timeout=120']);
    run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=120', ...packages]);
  });
  packages.forEach(keepServiceOff);
  if (missingOf(programs).length > 0) throw new BootstrapError(`${absent} still not on PATH after the installation`);
}

export function ensureRedis() {
  ensurePrograms(
    REDIS,
    'install Redis 6.2 or newer (Debian, Ubuntu: sudo apt-get install redis-server; macOS: brew install redis)',
  );
}

export function ensurePrometheus() {
  ensurePrograms(
    PROMETHEUS,
    'install them (Debian, Ubuntu: sudo apt-get install prometheus prometheus-alertmanager; macOS: brew install prometheus alertmanager)',
  );
}

/** Makes the certificates of the tests' Redis with TLS. */
export function ensureOpenssl() {
  ensurePrograms(OPENSSL, 'install it (Debian, Ubuntu: sudo apt-get install openssl; macOS: brew install openssl)');
}

export function ensureShellcheck() {
  ensurePrograms(
    SHELLCHECK,
    'install it (Debian, Ubuntu: sudo apt-get install shellcheck; macOS: brew install shellcheck)',
  );
}

export function ensureBrowser() {
  ensurePrograms(BROWSER, 'install it (Debian: sudo apt-get install chromium)');
}

export function ensureSystemdAnalyze() {
  ensurePrograms(SYSTEMD_ANALYZE, 'install it (Debian, Ubuntu: sudo apt-get install systemd)');
}

/** What `npm run test:systemd` boots a fresh Debian machine with. */
export function ensureDebianMachine() {
  ensurePrograms(
    DEBIAN_MACHINE,
    'run this as root on Debian or Ubuntu, or install them (sudo apt-get install debootstrap systemd-container slirp4netns)',
  );
}
