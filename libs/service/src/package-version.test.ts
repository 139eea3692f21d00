import { expect, test } from '@jest/globals';
import { readPackageVersion } from './package-version.js';

test('the version of a package is the one in its package.json; a file without one is refused', () => {
  expect(readPackageVersion(new URL('../package.json', import.meta.url))).toMatch(/^\d+\.\d+\.\d+$/);
  expect(() => readPackageVersion(new URL('../tsconfig.json', import.meta.url))).toThrow(/names no version/);
});
