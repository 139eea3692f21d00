import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BootstrapError } from './report.mjs';

/** Compares the running Node with `engines.node` of package.json, which is always of the form `>=major.minor`. */
export function checkNodeVersion(root) {
  const wanted = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).engines.node;
  const [major, minor] = wanted.replace('>=', '').split('.').map(Number);
  const [haveMajor, haveMinor] = process.versions.node.split('.').map(Number);
  if (haveMajor > major || (haveMajor === major && haveMinor >= minor)) return;
  throw new BootstrapError(`Node ${wanted.replace('>=', '')} or newer is needed, this is ${process.versions.node}`);
}
