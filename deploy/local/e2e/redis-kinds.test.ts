// The contract of store, feed, limits and queues on Sentinel and on Cluster. `npm run test:redis` runs all of their suites.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import { repositoryPath } from '../src/repository.js';

const SUITES = [
  'libs/relays/src/redis-relay-store.test.ts',
  'libs/relays/src/relay-feed.test.ts',
  'libs/relays/src/tenant-slots.test.ts',
  'libs/queues/src/region-worker.test.ts',
];

test.each(['sentinel', 'cluster'])(
  '%s',
  async (kind) => {
    const args = [repositoryPath('deploy/local/dist/test-on-redis.js'), kind, ...SUITES];
    // Of this run's own settings the inner one takes none.
    const { JEST_WORKER_ID: _worker, NODE_OPTIONS: _options, ...env } = process.env;
    const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { env }).catch((failure) => failure);
    expect(`${stdout}\n${stderr}`).toMatch(new RegExp(`Test Suites: ${SUITES.length} passed, ${SUITES.length} total`));
  },
  240_000,
);
