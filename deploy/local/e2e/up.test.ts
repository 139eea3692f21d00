// `npm run up` itself, as a user types it.

import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startRedisServer } from '@aegis/local-stack';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { repositoryPath } from '../src/repository.js';
import { type RelayAnswer, relayClient } from './relay-client.js';
import { alive, removeState, type UpEnv, UpRun, upEnv } from './up-run.js';

describe('a stack that is started, stopped and started again', () => {
  let env: UpEnv;
  let run: UpRun;
  let created: RelayAnswer;

  beforeAll(async () => {
    env = await upEnv();
  });

  afterAll(async () => {
    run.pressCtrlC();
    await run.closed();
    await removeState(env);
  }, 30_000);

  test('prints its addresses and a command that creates a relay when it is pasted', async () => {
    run = new UpRun(env);
    await run.ready(30_000);
    for (const port of [env.AEGIS_API_PORT, env.AEGIS_JOBS_PORT, env.AEGIS_SIM_PORT]) {
      expect(run.output).toContain(`http://127.0.0.1:${port}`);
    }
    const command = /curl -sS -X POST .*\\\n.*\n/.exec(run.output)?.[0] ?? '';
    const answer = JSON.parse(execFileSync('/bin/sh', ['-c', command], { encoding: 'utf8' })) as RelayAnswer;
    created = await relayClient(`http://127.0.0.1:${env.AEGIS_API_PORT}`).becomes(answer.id, 'active', 15_000);
  }, 90_000);

  test('ends with Ctrl-C, successfully and to the last process', async () => {
    const processes = run.processes();
    expect(processes.length).toBeGreaterThan(5);
    run.pressCtrlC();
    expect(await run.closed()).toBe(0);
    expect(alive(processes)).toEqual([]);
  }, 30_000);

  test('is back with the relay it had', async () => {
    run = new UpRun(env);
    await run.ready(30_000);
    const relay = await relayClient(`http://127.0.0.1:${env.AEGIS_API_PORT}`).get(created.id);
    expect(relay).toMatchObject({ state: 'active', address: created.address, instanceId: created.instanceId });
  }, 30_000);

  test('says so when it is started twice, and the first one goes on', async () => {
    const second = new UpRun(env);
    expect(await second.closed()).not.toBe(0);
    expect(second.said).toEqual([
      `aegis: port ${env.AEGIS_API_PORT} is taken: stop what listens there, or choose another port with AEGIS_API_PORT`,
    ]);
    expect((await fetch(`http://127.0.0.1:${env.AEGIS_API_PORT}/readyz`)).status).toBe(200);
  }, 30_000);

  test('ends to the last process when only npm is told to', async () => {
    const processes = run.processes();
    run.terminate();
    await run.closed();
    expect(alive(processes)).toEqual([]);
  }, 30_000);
});

describe('a start that cannot succeed says why in one line and leaves nothing', () => {
  let dir: string;

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'aegis-up-'));
  });

  afterAll(() => rm(dir, { recursive: true, force: true }));

  async function refusal(extra: NodeJS.ProcessEnv): Promise<string[]> {
    const env = await upEnv(extra);
    const run = new UpRun(env);
    const code = await run.closed();
    await removeState(env);
    expect(code).not.toBe(0);
    expect(run.output).not.toMatch(/^ {4}at /m);
    return run.said;
  }

  test('a port that is taken', async () => {
    const listener = createServer().listen(0, '127.0.0.1');
    await once(listener, 'listening');
    const { port } = listener.address() as { port: number };
    expect(await refusal({ AEGIS_JOBS_PORT: String(port) })).toEqual([
      `aegis: port ${port} is taken: stop what listens there, or choose another port with AEGIS_JOBS_PORT`,
    ]);
    listener.close();
  }, 30_000);

  test('a Redis that evicts', async () => {
    const server = await startRedisServer({ dir: join(dir, 'redis'), appendOnly: false });
    const redis = new Redis(server.url);
    await redis.config('SET', 'maxmemory-policy', 'allkeys-lru');
    redis.disconnect();
    expect(await refusal({ REDIS_URL: server.url })).toEqual([
      expect.stringContaining('has maxmemory-policy allkeys-lru: Aegis needs noeviction'),
    ]);
    await server.stop();
  }, 30_000);

  test('a configuration with a fault', async () => {
    const file = join(dir, 'aegis.yaml');
    const good = await readFile(repositoryPath('deploy/local/aegis.yaml'), 'utf8');
    await writeFile(file, good.replace('defaultLeaseSeconds: 600', 'defaultLeaseSeconds: soon'));
    expect(await refusal({ AEGIS_CONFIG: file })).toEqual([
      expect.stringMatching(/^aegis: .*aegis\.yaml:\d+: relays\.defaultLeaseSeconds: /),
    ]);
  }, 30_000);

  test('an unknown setting', async () => {
    expect(await refusal({ AEGIS_LOG_LEVLE: 'debug' })).toEqual([expect.stringContaining('AEGIS_LOG_LEVLE')]);
  }, 30_000);
});
