import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from '@jest/globals';

/** A folder of its own for the tests of this block, removed after them; it is there once they run. */
export function freshFolder(prefix: string): () => string {
  let path: string;

  beforeAll(async () => {
    path = await mkdtemp(join(tmpdir(), prefix));
  });

  afterAll(() => rm(path, { recursive: true, force: true }));

  return () => path;
}
