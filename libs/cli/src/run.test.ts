import { execFile, spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Stack, startStack, waitFor } from '@aegis/local-stack';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

/** The program as people run it, against the whole product. */
const PROGRAM = fileURLToPath(new URL('../aegis.mjs', import.meta.url));
const KEY = 'aegis-local-dev-key';

let stack: Stack;

beforeAll(async () => {
  stack = await startStack({ simEnv: { AEGIS_SIM_BOOT_MS: '100' } });
}, 60_000);
afterAll(() => stack.stop(), 30_000);

interface Ran {
  code: number | string | null;
  out: string;
  err: string;
}

function aegis(args: string[], env: Record<string, string> = {}): Promise<Ran> {
  const whole = { PATH: process.env.PATH, AEGIS_CLI_URL: stack.apiUrl, AEGIS_CLI_KEY: KEY, ...env };
  return new Promise((resolve) => {
    execFile(process.execPath, [PROGRAM, ...args], { env: whole }, (error, out, err) => {
      resolve({ code: error ? (error.code ?? null) : 0, out, err });
    });
  });
}

async function json(args: string[]) {
  const { code, out, err } = await aegis([...args, '--output', 'json']);
  expect({ code, err: code === 0 ? '' : err }).toEqual({ code: 0, err: '' });
  return JSON.parse(out);
}

describe('relays', () => {
  test('go from create to gone, and their story is told', async () => {
    const created = await aegis([
      'relays',
      'create',
      '--lease',
      '10m',
      '--label',
      'by=cli',
      '--wait',
      '--output',
      'json',
    ]);
    const relay = JSON.parse(created.out);
    expect(relay).toMatchObject({ state: 'active', leaseSeconds: 600, labels: { by: 'cli' } });
    expect(created.err).toMatch(/pending after 0\.0 s\n(.*\n)*.*active after \d+\.\d s\n/);
    expect(await json(['relays', 'get', relay.id])).toMatchObject({ id: relay.id, address: relay.address });
    expect(await json(['relays', 'list', '--label', 'by=cli'])).toHaveLength(1);
    expect(await json(['relays', 'renew', relay.id, '--lease', '1h'])).toMatchObject({ leaseSeconds: 3600 });
    const watching = aegis(['relays', 'watch', relay.id]);
    expect(await json(['relays', 'delete', relay.id, '--wait'])).toMatchObject({ state: 'terminated' });
    expect(await watching).toMatchObject({ code: 0, err: expect.stringContaining('terminated') });
    const events = await json(['events', relay.id]);
    expect(events.at(-1)).toMatchObject({ to: 'terminated' });
    const followed = await aegis(['events', relay.id, '--follow', '--output', 'json']);
    expect(
      followed.out
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual(events);
  }, 60_000);

  test('are printed for people as a table', async () => {
    await json(['relays', 'create', '--label', 'as=table', '--idempotency-key', 't\u00e2ble \u{1f680}']);
    await json(['relays', 'create', '--label', 'as=table', '--idempotency-key', 't\u00e2ble \u{1f680}']);
    const { out } = await aegis(['relays', 'list', '--label', 'as=table']);
    const [head, ...rows] = out.trimEnd().split('\n');
    expect(head).toMatch(/^ID +STATE +REGION +ADDRESS +LEASE EXPIRES AT +REASON$/);
    expect(rows).toHaveLength(1);
  }, 30_000);
});

describe('operators', () => {
  test('make, rotate and revoke keys', async () => {
    const made = await aegis([
      'keys',
      'create',
      '--name',
      'cli',
      '--tenant',
      'cli',
      '--scope',
      'relays:read',
      '--output',
      'json',
    ]);
    const { key, id } = JSON.parse(made.out);
    expect(made.err).toContain('Keep the key');
    expect((await aegis(['relays', 'list'], { AEGIS_CLI_KEY: key })).code).toBe(0);
    expect((await aegis(['relays', 'create'], { AEGIS_CLI_KEY: key })).code).toBe(4);
    const file = join(stack.dir, 'key');
    await writeFile(file, `${(await json(['keys', 'rotate', id])).key}\n`);
    expect((await aegis(['relays', 'list'], { AEGIS_CLI_KEY: '', AEGIS_CLI_KEY_FILE: file })).code).toBe(0);
    expect((await json(['keys', 'revoke', id])).revokedAt).not.toBeNull();
    expect((await json(['keys', 'list'])).map((each: { id: string }) => each.id)).toContain(id);
    expect((await aegis(['audit'])).out).toMatch(/local-dev +revokeKey +\w+ +200/);
  }, 60_000);

  test('read lists longer than a page of the API', async () => {
    const made = Array.from({ length: 201 }, async (_, n) => {
      const headers = { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' };
      const body = JSON.stringify({ name: `many-${n}`, tenant: 'many', scopes: ['relays:read'] });
      return (await fetch(`${stack.apiUrl}/api/v1/admin/keys`, { method: 'POST', headers, body })).status;
    });
    expect(new Set(await Promise.all(made))).toEqual(new Set([201]));
    const keys = (await json(['keys', 'list', '--limit', '201'])).map((each: { id: string }) => each.id);
    expect(new Set(keys).size).toBe(201);
    const calls = (await json(['audit', '--limit', '201'])).map((each: { requestId: string }) => each.requestId);
    expect(new Set(calls).size).toBe(201);
  }, 60_000);

  test('freeze, sweep and limit', async () => {
    const [first] = await json(['freeze', 'launch', '--region', 'us-east-1']);
    expect(first).toEqual({ region: 'us-east-1', launch: true, sweep: false });
    expect((await json(['freeze'])).find((each: { launch: boolean }) => each.launch)).toEqual(first);
    await json(['unfreeze']);
    expect((await json(['freeze'])).some((each: { launch: boolean }) => each.launch)).toBe(false);
    expect(await json(['sweeps', 'start', '--region', 'us-east-1'])).toEqual([{ region: 'us-east-1' }]);
    expect((await json(['sweeps', 'list']))[0].lastCompleteAt).not.toBeNull();
    const set = await json(['quota', 'set', 'someone', '--relays', '0', '--launches', 'default']);
    expect(set).toMatchObject({ relays: 0, relaysPerRegion: null });
    expect(await json(['quota', 'get', 'someone'])).toMatchObject({ relays: 0, launches: null, live: 0 });
    expect((await json(['regions']))[0]).toMatchObject({ default: true, instanceTypes: ['t3.micro', 't3.small'] });
  }, 60_000);
});

describe('scripts can decide by the exit code', () => {
  test.each([
    [3, ['relays', 'get', 'rly_none'], {}, 'There is no such relay (relay_not_found, request '],
    [4, ['relays', 'list'], { AEGIS_CLI_KEY: 'wrong' }, 'unauthenticated'],
    [5, ['relays', 'create', '--lease', '400d'], {}, '/leaseSeconds: '],
    [6, ['relays', 'list'], { AEGIS_CLI_URL: 'http://127.0.0.1:9' }, 'the API cannot be reached: '],
    [2, ['relays', 'creat'], {}, 'Did you mean create?'],
    [2, ['relays', 'create', '--lease', 'soon'], {}, 'Give a time such as'],
    [2, ['relays', 'list'], { AEGIS_CLI_KEY: '' }, 'no API key: set AEGIS_CLI_KEY'],
    [0, ['--help'], {}, ''],
  ] as const)(
    '%i',
    async (code, args, env, message) => {
      const ran = await aegis([...args], env);
      expect(ran.code).toBe(code);
      expect(ran.err).toContain(message);
      if (code !== 0) expect(ran.out).toBe('');
      else expect(ran.out).toMatch(/Exit codes:/);
    },
    20_000,
  );

  test('7 when the relay ended before it was active', async () => {
    await json(['freeze', 'launch']);
    const waiting = aegis(['relays', 'create', '--label', 'doomed=yes', '--wait']);
    const id = await waitFor('the relay', 30_000, async () => {
      const [doomed] = await json(['relays', 'list', '--label', 'doomed=yes']);
      return doomed?.id;
    });
    await json(['relays', 'delete', id]);
    expect(await waiting).toMatchObject({ code: 7, err: expect.stringContaining('is terminated: requested') });
    await json(['unfreeze']);
  }, 60_000);
});

describe('a server that is not the API', () => {
  let server: Server;
  let url: string;
  let answer: (request: IncomingMessage, response: ServerResponse) => void;

  beforeAll(async () => {
    server = createServer((request, response) => answer(request, response));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    server.close();
    server.closeAllConnections();
  });

  test('does not leave the program hanging after Ctrl-C', async () => {
    answer = (_request, response) => response.writeHead(200, { 'content-type': 'text/event-stream' }).write(':\n');
    const asked = new Promise((resolve) => server.once('request', resolve));
    const child = spawn(process.execPath, [PROGRAM, 'events', 'rly_x', '--follow'], {
      env: { PATH: process.env.PATH, AEGIS_CLI_URL: url, AEGIS_CLI_KEY: KEY },
    });
    try {
      const ended = new Promise((resolve) => child.once('exit', (code) => resolve(code)));
      await asked;
      child.kill('SIGINT');
      expect(await ended).toBe(130);
    } finally {
      child.kill();
    }
  }, 20_000);

  test('9 at a limit, with the time after which to come again', async () => {
    const problem = { title: 'Too many requests', status: 429, code: 'rate_limited', requestId: 'r' };
    answer = (_request, response) => response.writeHead(429, { 'retry-after': '7' }).end(JSON.stringify(problem));
    const limited = await aegis(['relays', 'list'], { AEGIS_CLI_URL: url });
    expect(limited).toMatchObject({ code: 9, err: expect.stringContaining('worth another try in 7 s') });
  }, 20_000);

  test('10 when it is gone while a relay is followed, and says so meanwhile', async () => {
    answer = (request, response) => {
      if (!request.url?.endsWith('/events'))
        return response.end(JSON.stringify({ id: 'rly_x', createdAt: '2026-01-01T00:00:00Z' }));
      return response.destroy();
    };
    const { code, err } = await aegis(['relays', 'watch', 'rly_x', '--give-up-after', '2s'], { AEGIS_CLI_URL: url });
    const lines = err.trimEnd().split('\n');
    expect(lines).toEqual([
      expect.stringMatching(/^aegis: the connection is lost, trying again for 2 s: the API cannot be reached: /),
      expect.stringMatching(/^aegis: the connection is lost: the API cannot be reached: /),
    ]);
    expect(code).toBe(10);
  }, 20_000);
});
