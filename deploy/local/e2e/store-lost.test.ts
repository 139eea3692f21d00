// Redis loses what it held: it is flushed, or restored from an old backup, under relays that live.

import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { waitFor } from '../src/wait-for.js';
import { callApi, LOCAL_KEY } from './api-call.js';
import type { RelayAnswer } from './relay-client.js';
import { OTHER_KEY, redisOf, startTroubleStack, type TroubleStack } from './trouble-stack.js';

let trouble: TroubleStack;
let url: string;

beforeAll(async () => {
  trouble = await startTroubleStack({ appendFsync: 'always' });
  url = trouble.relaysUrl;
}, 60_000);

afterAll(() => trouble?.stack.stop(), 30_000);

describe('Redis flushed under live relays', () => {
  const relays: { key: string; before: RelayAnswer }[] = [];
  let brief: RelayAnswer;
  let seq: number;

  beforeAll(async () => {
    const wanted: { key: string; body: object }[] = [
      ...[600, 1_200, 2_400].map((leaseSeconds) => ({ key: LOCAL_KEY, body: { region: 'us-east-1', leaseSeconds } })),
      ...[900, 1_800].map((leaseSeconds) => ({ key: OTHER_KEY, body: { region: 'us-east-1', leaseSeconds } })),
      ...[600, 3_600].map((leaseSeconds) => ({ key: LOCAL_KEY, body: { region: 'eu-west-1', leaseSeconds } })),
    ];
    const active = await Promise.all(wanted.map(({ key, body }) => trouble.activeRelay(body, key)));
    relays.push(...active.map((before, index) => ({ before, key: wanted[index]?.key ?? '' })));
    brief = await trouble.activeRelay({ region: 'us-east-1', leaseSeconds: 10 });
    seq = await trouble.ledgerSeq();
    const redis = new Redis(trouble.stack.redisUrl);
    await redis.flushall();
    redis.disconnect();
  }, 60_000);

  test('all are back under their ids, tenants, addresses and leases', async () => {
    await waitFor('all relays back', 20_000, async () => {
      const now = await Promise.all(relays.map(({ key, before }) => callApi(`${url}/${before.id}`, { key })));
      return now.every(({ body }) => body.state === 'active');
    });
    for (const { key, before } of relays) {
      const { body } = await callApi(`${url}/${before.id}`, { key });
      const { id, region, address, instanceId, leaseExpiresAt } = before;
      expect(body).toMatchObject({ id, region, address, instanceId, leaseExpiresAt });
      const stranger = await callApi(`${url}/${before.id}`, { key: key === LOCAL_KEY ? OTHER_KEY : LOCAL_KEY });
      expect(stranger.status).toBe(404);
    }
  }, 30_000);

  test('their agents go on, and hear of a renewal', async () => {
    const [{ key, before } = { key: '', before: brief }] = relays;
    const { body } = await callApi(`${url}/${before.id}/renew`, { method: 'POST', key, body: { leaseSeconds: 5_000 } });
    await waitFor('the agent has heard of it', 15_000, () => trouble.agentHeard(body));
  });

  test('a relay whose lease ends meanwhile goes', async () => {
    expect(await trouble.relays.becomes(brief.id, 'terminated', 25_000)).toMatchObject({ reason: 'lease_expired' });
  }, 30_000);

  test('no other instance has ended, and none was launched', async () => {
    const ended = (await trouble.endsSince(seq)).map(({ instanceId }) => instanceId);
    expect(new Set(ended)).toEqual(new Set([brief.instanceId]));
    expect(await trouble.launchesSince(seq)).toEqual([]);
  });

  test('creates and deletes work as before', async () => {
    const { id } = await trouble.relays.create({ region: 'us-east-1' });
    await trouble.relays.becomes(id, 'active', 15_000);
    await trouble.relays.remove(id);
    await trouble.relays.becomes(id, 'terminated', 15_000);
  });
});

describe('Redis restored from an old backup', () => {
  /** What the backup has heard of; `waiting…` were pending then. */
  let renewed: RelayAnswer;
  let deleted: RelayAnswer;
  let waitingKept: RelayAnswer;
  let waitingDeleted: RelayAnswer;
  /** Created after it. */
  let unheardOf: RelayAnswer;
  let seq: number;

  const freezeLaunches = (launch: boolean) =>
    callApi(`${trouble.stack.apiUrl}/api/v1/admin/freeze`, { method: 'PUT', body: { launch } });

  beforeAll(async () => {
    await trouble.endAll();
    const files = join(trouble.stack.dir, 'redis');
    const backup = join(trouble.stack.dir, 'redis-backup');
    renewed = await trouble.activeRelay({ leaseSeconds: 600 });
    deleted = await trouble.activeRelay({ leaseSeconds: 600 });
    await freezeLaunches(true);
    waitingKept = await trouble.relays.create({});
    waitingDeleted = await trouble.relays.create({});
    await cp(files, backup, { recursive: true });

    await freezeLaunches(false);
    waitingKept = await trouble.relays.becomes(waitingKept.id, 'active', 15_000);
    waitingDeleted = await trouble.relays.becomes(waitingDeleted.id, 'active', 15_000);
    unheardOf = await trouble.activeRelay({ leaseSeconds: 1_200 });
    renewed = (await callApi(`${url}/${renewed.id}/renew`, { method: 'POST', body: { leaseSeconds: 7_200 } })).body;
    await waitFor('the agent has heard of the renewal', 15_000, () => trouble.agentHeard(renewed));
    for (const { id } of [deleted, waitingDeleted]) {
      await trouble.relays.remove(id);
      await trouble.relays.becomes(id, 'terminated', 15_000);
    }
    seq = await trouble.ledgerSeq();
    await redisOf(trouble.stack).stop();
    await rm(files, { recursive: true });
    await cp(backup, files, { recursive: true });
    await redisOf(trouble.stack).start();
  }, 60_000);

  test('relays it has never heard of are rebuilt', async () => {
    const { address, instanceId, leaseExpiresAt } = unheardOf;
    await waitFor('it is back', 15_000, async () => {
      const { body } = await callApi(`${url}/${unheardOf.id}`);
      return body.state === 'active' && body.leaseExpiresAt === leaseExpiresAt;
    });
    expect(await trouble.relays.get(unheardOf.id)).toMatchObject({ address, instanceId });
  });

  test('relays it believes alive that are gone end', async () => {
    await trouble.relays.becomes(deleted.id, 'terminated', 10_000);
    expect(await trouble.relays.get(deleted.id)).toMatchObject({ reason: 'instance_lost' });
  });

  test('relays it believes waiting get the instance they have, or end with it, and never a second one', async () => {
    const { address, instanceId } = waitingKept;
    expect(await trouble.relays.becomes(waitingKept.id, 'active', 10_000)).toMatchObject({ address, instanceId });
    expect(await trouble.relays.becomes(waitingDeleted.id, 'failed', 10_000)).toMatchObject({
      reason: 'instance_lost',
    });
    await freezeLaunches(false);
    const { id } = await trouble.relays.create({});
    const another = await trouble.relays.becomes(id, 'active', 15_000);
    const launched = (await trouble.launchesSince(seq)).map((record) => record.instanceId);
    expect(launched).toEqual([another.instanceId]);
  });

  test('a renewal it has forgotten comes back from the agent', async () => {
    await waitFor('the lease is back', 10_000, async () => {
      const { body } = await callApi(`${url}/${renewed.id}`);
      return body.leaseExpiresAt === renewed.leaseExpiresAt;
    });
  });

  test('no instance has ended', async () => {
    expect(await trouble.endsSince(seq)).toEqual([]);
  });
});
