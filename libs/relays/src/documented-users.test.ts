// The users that docs/redis.md lists for the apps may run every command that is in a script of theirs. Redis looks only when a
// script comes to it, so what a test does not come to would first be missed by an operator.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { SCRIPTS, type ScriptName } from './lua-scripts.js';

const read = (path: string): string => readFileSync(fileURLToPath(new URL(path, import.meta.url)), 'utf8');

function commandsOf(script: ScriptName | 'include/region'): Set<string> {
  const calls = read(`../lua/${script}.lua`).matchAll(/redis\.p?call\(\s*(['"]?)(\w+)/g);
  return new Set(
    [...calls].map(([call, quote, name = '']) => {
      if (!quote) throw new Error(`${script}.lua computes the name of a command: ${call}`);
      return name.toLowerCase();
    }),
  );
}

function allowedTo(user: string): Set<string> {
  const [line] = new RegExp(`^user ${user} .*$`, 'm').exec(read('../../../docs/redis.md')) ?? [];
  if (line === undefined) throw new Error(`docs/redis.md lists no user ${user}`);
  return new Set(line.split(' ').flatMap((rule) => (rule.startsWith('+') ? [rule.slice(1)] : [])));
}

/** By their names in the source of the stores that an app makes. */
function scriptsIn(...files: string[]): ScriptName[] {
  const sources = files.map((file) => read(`./${file}.ts`)).join('\n');
  return SCRIPTS.filter((name) => sources.includes(`'${name}'`));
}

const BOTH = ['store-schema', 'tenant-slots'];

test.each([
  { user: 'aegis-api', stores: ['redis-relay-store', ...BOTH] },
  { user: 'aegis-jobs', stores: ['redis-fleet-store', 'redis-sweep-store', ...BOTH] },
])('$user may run all commands of its scripts', ({ user, stores }) => {
  const scripts = scriptsIn(...stores);
  expect(scripts.length).toBeGreaterThan(8);
  const allowed = allowedTo(user);
  for (const script of ['include/region', ...scripts] as const) {
    const missing = [...commandsOf(script)].filter((command) => !allowed.has(command));
    expect({ script, missing }).toEqual({ script, missing: [] });
  }
});
