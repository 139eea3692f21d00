/** @type {import('jest').Config} */
export default {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/{apps,libs}/*/src/**/*.test.ts', '<rootDir>/deploy/local/{src,e2e}/**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { target: 'es2022', parser: { syntax: 'typescript' } }, module: { type: 'es6' }, sourceMaps: 'inline' },
    ],
  },
  moduleNameMapper: {
    '^@aegis/local-stack$': '<rootDir>/deploy/local/src/index.ts',
    '^@aegis/([^/]+)$': '<rootDir>/libs/$1/src/index.ts',
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  globalSetup: '<rootDir>/deploy/local/jest/global-setup.mjs',
  globalTeardown: '<rootDir>/deploy/local/jest/global-teardown.mjs',
  maxWorkers: 2,
  testTimeout: 20_000,
  // On a loaded machine a worker that has nothing left to do takes longer than half a second, the default, to be gone.
  workerGracefulExitTimeout: 5_000,
};
