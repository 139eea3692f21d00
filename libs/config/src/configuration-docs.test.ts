import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { loadConfig } from './load-config.js';
import { isRecord, valueAt } from './raw-config.js';
import { configJsonSchema, SETTINGS, type Setting } from './settings.js';

const PAGE = new URL('../../../docs/configuration.md', import.meta.url);

function settingRow(setting: Setting): string {
  const env = setting.secret ? `\`${setting.env}\`, \`${setting.env}_FILE\`` : `\`${setting.env}\``;
  return `| \`${setting.path.join('.')}\` | ${env} |${defaultText(setting.default)} | ${setting.description} |`;
}

function defaultText(value: unknown): string {
  return value === undefined ? '' : ` \`${typeof value === 'string' ? value : JSON.stringify(value)}\``;
}

function entryRows(list: string): string[] {
  const items = valueAt(configJsonSchema(), [...list.split('.').flatMap((key) => ['properties', key]), 'items']);
  const required = valueAt(items, ['required']);
  return Object.entries(propertiesOf(items)).map(([key, schema]) => {
    const need = Array.isArray(required) && required.includes(key) ? 'yes' : 'no';
    return `| \`${list}[].${key}\` | ${need} | ${String(valueAt(schema, ['description']))} |`;
  });
}

function propertiesOf(schema: unknown): Record<string, unknown> {
  const properties = valueAt(schema, ['properties']);
  return isRecord(properties) ? properties : {};
}

test('docs/configuration.md lists every setting with its environment name, default and meaning, and no other', () => {
  const rows = readFileSync(PAGE, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.replace(/ +/g, ' '));
  const expected = [...SETTINGS.map(settingRow), ...entryRows('api.keys'), ...entryRows('regions')];
  expect([...rows].sort()).toEqual([...expected].sort());
});

test('the example on the page is a configuration that works', () => {
  const yaml = /```yaml\n(.*?)```/s.exec(readFileSync(PAGE, 'utf8'))?.[1] ?? '';
  const files: Record<string, string> = {
    '/aegis.yaml': yaml,
    '/run/secrets/aegis-secret': '0f1e2d3c4b5a69788796a5b4c3d2e1f0',
  };
  const config = loadConfig({ env: { AEGIS_CONFIG: '/aegis.yaml' }, readFile: (path) => files[path] ?? '' });
  expect(config.regions.map(({ name }) => name)).toEqual(['eu-west-1', 'eu-central-1']);
});

test('every setting and every field of a list entry says what it means', () => {
  for (const setting of SETTINGS)
    expect([setting.env, setting.description]).toEqual([setting.env, expect.stringMatching(/\.$/)]);
  for (const row of [...entryRows('api.keys'), ...entryRows('regions')]) expect(row).toMatch(/\. \|$|`\. \|$/);
});
