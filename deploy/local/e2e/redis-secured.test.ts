// Redis as operators have it: by TLS under a CA of their own, with the users that docs/redis.md lists for each app. Standalone by
// default; `npm run test:redis` has it on Sentinel and on Cluster too.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectTo, SECURED_KINDS, type SecuredRedis, startSecuredRedis } from '@aegis/local-stack';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Cluster, Redis } from 'ioredis';
import { findProgram } from '../src/monitoring.js';
import { waitFor } from '../src/wait-for.js';
import { callApi } from './api-call.js';
import { startTroubleStack, type TroubleStack } from './trouble-stack.js';

/** The certificates that the suites of `npm run test:redis` are reached by are of another CA. */
const { AEGIS_TEST_REDIS_CA: CA_OF_THE_RUN } = process.env;
const kind = SECURED_KINDS.find((one) => one === process.env.AEGIS_TEST_SECURED_KIND) ?? 'standalone';

const skipped = findProgram('openssl') === null && !process.env.CI;
if (skipped) process.stderr.write('skipped: a Redis with TLS needs openssl on PATH (apt-get install openssl)\n');

let dir: string;
let redis: SecuredRedis;
let trouble: TroubleStack;
let admin: Redis | Cluster;

async function start(): Promise<void> {
  dir = await mkdtemp(join(tmpdir(), 'aegis-secured-'));
  redis = await startSecuredRedis({ dir, kind });
  process.env.AEGIS_TEST_REDIS_CA = redis.caPath;
  admin = connectTo(redis.url);
  const env = { AEGIS_REDIS_TLS_CA_PATH: redis.caPath };
  trouble = await startTroubleStack({ redisUrl: redis.url, redisUrls: redis.urls, env });
}

async function stop(): Promise<void> {
  if (CA_OF_THE_RUN === undefined) delete process.env.AEGIS_TEST_REDIS_CA;
  else process.env.AEGIS_TEST_REDIS_CA = CA_OF_THE_RUN;
  await trouble?.stack.stop();
  admin?.disconnect();
  await redis?.stop();
  await rm(dir, { recursive: true, force: true });
}

/** What any server has refused to anybody. */
async function denials(): Promise<string[]> {
  const logs = await Promise.all(
    redis.servers.map(async ({ url }) => {
      const server = new Redis(url);
      const log = (await server.acl('LOG')) as unknown[];
      server.disconnect();
      return log;
    }),
  );
  return logs.flat().map((entry) => JSON.stringify(entry));
}

(skipped ? describe.skip : describe)(`Redis with TLS and users, ${kind}`, () => {
  beforeAll(start, 120_000);
  afterAll(stop, 30_000);

  test('everything the apps do is allowed to them', async () => {
    const relay = await trouble.activeRelay({ labels: { a: 'b' } });
    const url = `${trouble.relaysUrl}/${relay.id}`;
    const admins = `${trouble.stack.apiUrl}/api/v1/admin`;
    const calls: [string, Parameters<typeof callApi>[1], number][] = [
      [trouble.relaysUrl, {}, 200],
      [`${url}/events`, {}, 200],
      [`${url}/renew`, { method: 'POST', body: { leaseSeconds: 1_000 } }, 200],
      [`${trouble.stack.apiUrl}/api/v1/regions`, {}, 200],
      [`${admins}/tenants/other/quota`, { method: 'PUT', body: { relays: 50, launches: 100 } }, 200],
      [`${admins}/tenants/other/quota`, {}, 200],
      [`${admins}/freeze`, { method: 'PUT', body: { launch: false } }, 200],
      [`${admins}/sweeps`, {}, 200],
      [`${admins}/audit`, {}, 200],
      [
        trouble.relaysUrl,
        { method: 'POST', body: {}, headers: { 'idempotency-key': 'secured', prefer: 'wait=30' } },
        201,
      ],
    ];
    for (const [target, call, status] of calls) {
      expect({ target, ...(await callApi(target, call)) }).toMatchObject({ target, status });
    }
    await trouble.endAll();
    // Sweeps, ticks and metrics of both apps have come round, too.
    await waitFor('a sweep', 20_000, async () => Number(await admin.hget('{aegis:us-east-1}:meta', 'sweepAt')) > 0);
    for (const { url: app } of [...trouble.stack.api, ...trouble.stack.jobs]) {
      expect((await fetch(`${app}/metrics`)).status).toBe(200);
      expect((await fetch(`${app}/readyz`)).status).toBe(200);
    }
    expect(await denials()).toEqual([]);
  }, 90_000);

  test('neither app may do what it does not need', async () => {
    const users = { api: connectTo(redis.urls.api), jobs: connectTo(redis.urls.jobs) };
    try {
      const forbidden = [
        ['FLUSHALL'],
        ['FLUSHDB'],
        ['KEYS', '*'],
        ['SCAN', '0'],
        ['CONFIG', 'GET', '*'],
        ['CONFIG', 'SET', 'appendonly', 'no'],
        ['ACL', 'LIST'],
        ['CLIENT', 'LIST'],
        ['CLIENT', 'KILL', 'TYPE', 'normal'],
        ['SHUTDOWN'],
        ['REPLICAOF', 'NO', 'ONE'],
        ['SCRIPT', 'FLUSH'],
        ['GET', 'somebody-elses-key'],
        ['PUBLISH', 'somebody-elses-channel', 'x'],
        ['EVAL', 'return redis.call("FLUSHALL")', '0'],
      ];
      for (const user of Object.values(users)) {
        for (const [command = '', ...args] of forbidden) {
          await expect(user.call(command, ...args)).rejects.toThrow(/NOPERM|can't run this command/);
        }
      }
      for (const key of ['{aegis:keys}:index', '{aegis:audit}:log', '{aegis:tenant:acme}:idempotency:x']) {
        await expect(users.jobs.exists(key)).rejects.toThrow('NOPERM');
      }
    } finally {
      for (const user of Object.values(users)) user.disconnect();
    }
  });
});
