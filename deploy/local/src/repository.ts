import { fileURLToPath } from 'node:url';

/** A path inside the repository; this file lies equally deep in src/ and in dist/. */
export function repositoryPath(path: string): string {
  return fileURLToPath(new URL(`../../../${path}`, import.meta.url));
}
