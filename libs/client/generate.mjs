// Writes the types of the API from its OpenAPI document: `npm run openapi`. With --check it only says whether that would
// change anything (exit code 1).
import { readFileSync, writeFileSync } from 'node:fs';
import openapiTypescript, { astToString, STRING } from 'openapi-typescript';

const HEADER = '// Generated from openapi.json by `npm run openapi`: do not edit.\n\n';
const target = new URL('src/schema.ts', import.meta.url);

const document = JSON.parse(readFileSync(new URL('openapi.json', import.meta.url), 'utf8'));
// Streams are followed with followEvents: what else an answer may be when one was asked for would only be in the way.
const operations = Object.values(document.paths).flatMap((methods) => Object.values(methods));
for (const { responses } of operations) {
  const content = responses['200']?.content;
  if (content?.['text/event-stream'] === undefined) continue;
  delete content['text/event-stream'];
  delete responses['204'];
}
const types = await openapiTypescript(document, {
  alphabetize: true,
  // Which regions there are is each deployment's own matter.
  transform: (_schema, { path }) => (/schemas\/Region(Choice)?$/.test(path ?? '') ? STRING : undefined),
});
const text = HEADER + astToString(types);

if (!process.argv.includes('--check')) writeFileSync(target, text);
else if (readFileSync(target, 'utf8') !== text) process.exitCode = 1;
