import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { parse } from 'yaml';
import { configJsonSchema } from './settings.js';

const repository = (path: string) => new URL(`../../../${path}`, import.meta.url);
const read = (path: string) => readFileSync(repository(path), 'utf8');

// Formats are hints to editors; the schema has some that no validator knows.
const ajv = new Ajv2020({ allErrors: true, strict: false, validateFormats: false });
const fits = ajv.compile(configJsonSchema());

function faults(yaml: string): string[] {
  fits(parse(yaml, { merge: true }));
  return (fits.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}

test('docs/aegis.schema.json is today’s: `npx aegis config schema > docs/aegis.schema.json` writes it', () => {
  expect(read('docs/aegis.schema.json')).toBe(`${JSON.stringify(configJsonSchema(), null, 2)}\n`);
});

test('the files of the project fit the schema they name, and name one', () => {
  const page = /```yaml\n(# yaml-language-server: \$schema=\S*aegis\.schema\.json\n.*?)```/s.exec(
    read('docs/configuration.md'),
  );
  expect(faults(page?.[1] ?? 'no: example')).toEqual([]);
  const local = read('deploy/local/aegis.yaml');
  expect(faults(local)).toEqual([]);
  const [, hint = ''] = /^# yaml-language-server: \$schema=(\S+)$/m.exec(local) ?? [];
  expect(new URL(hint, repository('deploy/local/aegis.yaml')).href).toBe(repository('docs/aegis.schema.json').href);
});

test('an editor sees the mistakes of a key, a value and a secret in the wrong place', () => {
  expect(
    faults('api: {prot: 1, port: 0}\nsecret: 0f1e2d3c4b5a69788796a5b4c3d2e1f0\nregions: [{name: us-east-1}]').sort(),
  ).toEqual([
    ' must NOT have additional properties',
    '/api must NOT have additional properties',
    '/api/port must be >= 1',
    "/regions/0 must have required property 'imageId'",
    "/regions/0 must have required property 'instanceTypes'",
    "/regions/0 must have required property 'securityGroupIds'",
    "/regions/0 must have required property 'subnetIds'",
  ]);
});
