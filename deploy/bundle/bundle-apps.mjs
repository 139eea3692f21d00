// Usage: node deploy/bundle/bundle-apps.mjs, after `tsc -b`. Writes each app into one file, which is what is started everywhere:
// apps/api/bundle/aegis-api.mjs and apps/jobs/bundle/aegis-jobs.mjs. Why: docs/adr/0013-apps-start-from-bundles.md.
import { readdirSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isCurrent, recordFiles } from './bundle-record.mjs';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

/** Files that decide about a bundle without being in it. */
const RECIPE = [
  'package-lock.json',
  ...readdirSync(join(root, 'deploy/bundle')).map((name) => `deploy/bundle/${name}`),
];

async function bundle(app) {
  const folder = join(root, 'apps', app, 'bundle');
  if (isCurrent(root, folder)) return;
  // Only now, because loading esbuild takes longer than finding that there is nothing to do.
  const { buildBundle } = await import('./build-bundle.mjs');
  const { files, inputs } = await buildBundle({ root, folder, app });
  await mkdir(folder, { recursive: true });
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  const written = Object.keys(files).map((name) => `apps/${app}/bundle/${name}`);
  recordFiles(root, folder, [...RECIPE, ...inputs, ...written]);
}

await Promise.all(['api', 'jobs'].map(bundle));
