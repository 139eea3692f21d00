import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';

test('the types are those of the document: `npm run openapi` writes them', async () => {
  const script = fileURLToPath(new URL('../generate.mjs', import.meta.url));
  await expect(promisify(execFile)(process.execPath, [script, '--check'])).resolves.toBeDefined();
});
