// Writes the OpenAPI document that the typed client is generated from: `npm run openapi`.
import { writeFileSync } from 'node:fs';
import { publishedDocument } from './dist/openapi/published-document.js';

const target = new URL('../../libs/client/openapi.json', import.meta.url);
writeFileSync(target, `${JSON.stringify(await publishedDocument(), null, 2)}\n`);
