import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

const PROGRAM = fileURLToPath(new URL('../../aegis.mjs', import.meta.url));
const SECRET = '0f1e2d3c4b5a69788796a5b4c3d2e1f0';
const SHA256 = '5d2f3d1c6bd3c16b2d2b4cb8a1f2f0c3b1e6f6a7a0b2ff4c0b0e0a9a1c7d8e9f';

const GOOD = `deploymentId: prod-eu
secretFile: /nowhere/aegis-secret
redis: {tlsCaPath: /etc/ca.pem}
api:
  publicUrl: https://aegis.example.com
  keys: [{name: one, tenant: one, sha256: ${SHA256}, scopes: [admin]}]
regions:
  - name: eu-west-1
    imageId: ami-0123456789abcdef0
    instanceTypes: [t3.micro]
    subnetIds: [subnet-0123456789abcdef0]
    securityGroupIds: [sg-0123456789abcdef0]
`;

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'aegis-config-'));
});
afterAll(() => rm(dir, { recursive: true }));

function aegis(args: string[], env: Record<string, string> = {}) {
  return new Promise<{ code: unknown; out: string; err: string }>((resolve) => {
    const whole = { PATH: process.env.PATH, ...env };
    execFile(process.execPath, [PROGRAM, 'config', ...args], { env: whole }, (error, out, err) => {
      resolve({ code: error ? error.code : 0, out, err });
    });
  });
}

async function check(yaml: string, { args = [], env = {} }: { args?: string[]; env?: Record<string, string> } = {}) {
  const file = join(dir, 'aegis.yaml');
  await writeFile(file, yaml);
  const ran = await aegis(['check', file, ...args], env);
  const plain = (text: string) => text.replaceAll(file, 'FILE').trimEnd().split('\n');
  return { code: ran.code, out: plain(ran.out), err: plain(ran.err) };
}

describe('config check', () => {
  test('needs neither API nor secrets, and says which it could not check', async () => {
    expect(await check(GOOD)).toEqual({
      code: 0,
      out: [''],
      err: [
        'not checked: FILE:2: secretFile: cannot read /nowhere/aegis-secret (no such file)',
        'not checked: redisUrl: is missing: set REDIS_URL, or REDIS_URL_FILE to a file that holds it',
        'aegis: no fault in FILE',
      ],
    });
  }, 60_000);

  test('names every fault with line and key, and tells scripts by its exit code', async () => {
    const yaml = GOOD.replace('  publicUrl', '  prot: 1\n  publicUrl').replace('t3.micro', '');
    expect(await check(yaml)).toMatchObject({
      code: 8,
      out: [
        'FILE:5: api.prot: no such key: did you mean port?',
        'FILE:11: regions[0].instanceTypes: must have at least one entry',
      ],
      err: expect.arrayContaining(['aegis: FILE has 2 faults']),
    });
  }, 60_000);

  test('checks the secrets that are there, and with --with-secrets misses the others', async () => {
    const env = { REDIS_URL: 'redis://redis:6379' };
    const short = await check(GOOD, { env: { ...env, AEGIS_SECRET: 'short' } });
    expect(short).toMatchObject({ code: 8, out: expect.arrayContaining([expect.stringMatching(/^AEGIS_SECRET: /)]) });
    expect(short.out.join()).toContain('redis.tlsCaPath: has no effect: redisUrl is not rediss');
    expect(await check(GOOD, { args: ['--with-secrets'] })).toMatchObject({
      code: 8,
      out: [expect.stringContaining('secretFile: cannot read'), expect.stringContaining('redisUrl: is missing')],
    });
    const complete = { AEGIS_SECRET: SECRET, REDIS_URL: 'rediss://redis:6379' };
    const whole = GOOD.replace('secretFile: /nowhere/aegis-secret\n', '');
    expect(await check(whole, { args: ['--with-secrets'], env: complete })).toMatchObject({ code: 0, out: [''] });
  }, 60_000);

  test('prints one JSON document for programs', async () => {
    const { code, out } = await check(`${GOOD}logLevel: loud\n`, { args: ['--output', 'json'] });
    expect(code).toBe(8);
    expect(JSON.parse(out.join('\n'))).toMatchObject({
      file: 'FILE',
      faults: [{ where: 'FILE:13: logLevel', problem: expect.stringContaining('not "loud"') }],
      unchecked: [{ where: 'FILE:2: secretFile' }, { where: 'redisUrl' }],
    });
  }, 60_000);

  test('a file that is not there is a mistake of the command line', async () => {
    const { code, err } = await aegis(['check', join(dir, 'none.yaml')]);
    expect({ code, err }).toEqual({ code: 2, err: expect.stringContaining('the file cannot be read: ENOENT') });
  }, 60_000);
});

test('config schema prints the JSON Schema of the file', async () => {
  const { code, out } = await aegis(['schema']);
  expect(code).toBe(0);
  expect(JSON.parse(out)).toMatchObject({
    title: 'Aegis configuration',
    properties: { secretFile: { type: 'string' } },
  });
}, 60_000);
