import { readFileSync } from 'node:fs';

/** The version in a package.json, for the build's metric. @throws Error when there is none. */
export function readPackageVersion(packageJson: URL): string {
  const parsed: unknown = JSON.parse(readFileSync(packageJson, 'utf8'));
  if (typeof parsed === 'object' && parsed !== null && 'version' in parsed && typeof parsed.version === 'string') {
    return parsed.version;
  }
  throw new Error(`${packageJson.pathname} names no version`);
}
