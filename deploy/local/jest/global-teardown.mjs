import { rm } from 'node:fs/promises';

export default async function globalTeardown() {
  if (globalThis.__AEGIS_TEST_REDIS__ === undefined) return;
  const { server, dir } = globalThis.__AEGIS_TEST_REDIS__;
  await server.stop();
  await rm(dir, { recursive: true, force: true });
}
