import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { publishedDocument } from './published-document.js';

test('the document of libs/client is this one: `npm run openapi` writes it', async () => {
  const kept = readFileSync(new URL('../../../../libs/client/openapi.json', import.meta.url), 'utf8');
  expect(JSON.parse(kept)).toEqual(JSON.parse(JSON.stringify(await publishedDocument())));
});
