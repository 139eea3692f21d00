// What an upgrade does to a deployment that is in use: replicas that are replaced one by one under traffic, and a store whose
// layout is not, or no longer, that of the process.

import type { ManagedProcess } from '@aegis/local-stack';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { waitFor } from '../src/wait-for.js';
import { callApi } from './api-call.js';
import { type RoundRobinProxy, startRoundRobinProxy } from './round-robin-proxy.js';
import { startSteadyClients } from './steady-clients.js';
import { startTroubleStack, type TroubleStack } from './trouble-stack.js';

const REGION = 'us-east-1';
const REGIONS = [REGION, 'eu-west-1', 'ap-southeast-2'];
const META = `{aegis:${REGION}}:meta`;

let proxy: RoundRobinProxy;
let trouble: TroubleStack;
let redis: Redis;

beforeAll(async () => {
  proxy = await startRoundRobinProxy();
  trouble = await startTroubleStack({
    apiReplicas: 2,
    jobsReplicas: 2,
    env: {
      AEGIS_DRAIN_DELAY_SECONDS: '1',
      AEGIS_PUBLIC_URL: proxy.url,
      // The traffic that counts is that of clients.
      AEGIS_RELAYS_HEARTBEAT_INTERVAL_SECONDS: '5',
    },
  });
  proxy.serve(trouble.stack.api.map(({ url }) => url));
  redis = new Redis(trouble.stack.redisUrl);
}, 60_000);

afterAll(async () => {
  redis?.disconnect();
  await trouble?.stack.stop();
  await proxy?.stop();
}, 30_000);

const allReady = () => waitFor('both api replicas in use', 30_000, async () => proxy.ready.length === 2);

/** Whether its answers end their connections, so that whoever keeps one goes elsewhere in time. */
async function partsWithClients({ url }: ManagedProcess): Promise<boolean> {
  const answer = await fetch(`${url}/healthz`);
  await answer.body?.cancel();
  return answer.headers.get('connection') === 'close';
}

async function replace(app: ManagedProcess): Promise<void> {
  expect(await partsWithClients(app)).toBe(false);
  app.kill('SIGTERM');
  await waitFor(`${app.name} to part with its clients`, 10_000, () => partsWithClients(app));
  expect({ app: app.name, ...(await app.exited()) }).toEqual({ app: app.name, code: 0, signal: null });
  await app.start();
  await allReady();
}

test('a rolling restart of both apps under traffic drops no request and no job', async () => {
  // As the first replica of the next release leaves the store: it added something, the present release can live with it.
  for (const region of REGIONS) await redis.hset(`{aegis:${region}}:meta`, 'schema', '2', 'schemaOldest', '1');
  await allReady();
  const ledger = await trouble.ledgerSeq();
  const clients = startSteadyClients(proxy.url);
  await waitFor('traffic', 30_000, async () => clients.requests > 50);
  for (const app of [...trouble.stack.api, ...trouble.stack.jobs]) await replace(app);
  await clients.stop();

  expect(clients.failures).toEqual([]);
  // The connections were kept.
  expect(clients.connections).toBeLessThan(clients.requests / 10);
  expect(clients.created.size).toBeGreaterThan(5);

  const kept = [...clients.created].filter((id) => !clients.deleted.has(id));
  const relays = await Promise.all([
    ...kept.map((id) => trouble.relays.becomes(id, 'active', 30_000)),
    ...[...clients.deleted].map((id) => trouble.relays.becomes(id, 'terminated', 30_000)),
  ]);
  const instances = relays.flatMap(({ instanceId }) => instanceId ?? []);
  // Deleted before it was launched, a relay has none; none ever has two, and none was launched for nobody.
  expect((await trouble.launchesSince(ledger)).map(({ instanceId }) => instanceId).sort()).toEqual(instances.sort());
  expect((await trouble.liveInstances()).map(({ id }) => id).sort()).toEqual(
    relays.flatMap(({ state, instanceId }) => (state === 'active' ? (instanceId ?? []) : [])).sort(),
  );
  for (const key of await redis.keys('*:failed')) expect([key, await redis.zcard(key)]).toEqual([key, 0]);
}, 120_000);

describe('the version of the store', () => {
  test('is written into every part of it, and again when it was emptied', async () => {
    const parts = [...REGIONS, 'deployment'].map((part) => `{aegis:${part}}:meta`);
    await redis.flushall();
    await waitFor('versions', 30_000, async () => {
      const found = await Promise.all(parts.map((part) => redis.hget(part, 'schema')));
      return found.every((version) => version === '1');
    });
  }, 60_000);

  test('ends every process that cannot, and keeps it from starting: one line, exit code 1', async () => {
    await redis.hset(META, 'schema', '9', 'schemaOldest', '9');
    // Refused from the first moment on, not from when the processes notice.
    expect((await callApi(trouble.relaysUrl, { method: 'POST', body: { region: REGION } })).status).toBe(503);
    const line =
      `the store of ${REGION} in Redis has schema version 9, for processes of version 9 or newer, and this process has ` +
      'version 1: run the newer release, or restore a backup of Redis from before its upgrade (docs/upgrading.md)';
    for (const app of [...trouble.stack.api, ...trouble.stack.jobs]) {
      expect({ app: app.name, ...(await app.exited()) }).toEqual({ app: app.name, code: 1, signal: null });
    }
    await Promise.all(
      [trouble.stack.api[0], trouble.stack.jobs[0]].map(async (app) => {
        await expect(app?.start()).rejects.toThrow(`${app?.name} ended at start-up (exit code 1)`);
        const said = app?.lastLogs(30).filter((each) => each.startsWith('aegis-')) ?? [];
        // Once when it ended, once when it would not start.
        expect(said).toEqual(Array(2).fill(`aegis-${app?.name.split('-')[0]}: ${line}`));
      }),
    );
    expect(await redis.hget(META, 'schema')).toBe('9');
  }, 60_000);
});
