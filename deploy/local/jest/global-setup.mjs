// One private redis-server for the whole test run; each test takes its own key prefix. Its URL is AEGIS_TEST_REDIS_URL.
// Under `npm run test:redis` there is one of another kind already.
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startRedisServer } from '../dist/redis-server.js';

export default async function globalSetup() {
  if (process.env.AEGIS_TEST_REDIS_URL !== undefined) return;
  const dir = await mkdtemp(join(tmpdir(), 'aegis-test-redis-'));
  const server = await startRedisServer({ dir, appendOnly: false });
  process.env.AEGIS_TEST_REDIS_URL = server.url;
  globalThis.__AEGIS_TEST_REDIS__ = { server, dir };
}
