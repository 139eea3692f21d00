// Redis is killed and started again, and hangs, while clients go on asking.

import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type ApiAnswer, callApi } from './api-call.js';
import type { RelayAnswer } from './relay-client.js';
import { redisOf, startTroubleStack, type TroubleStack } from './trouble-stack.js';
import { waitFor } from './wait-for.js';

let trouble: TroubleStack;
let url: string;

beforeAll(async () => {
  trouble = await startTroubleStack({ appendFsync: 'always' });
  url = trouble.relaysUrl;
}, 60_000);

afterAll(() => trouble?.stack.stop(), 30_000);

type Answer = ApiAnswer<RelayAnswer & { code?: string }>;

describe('Redis killed and started again', () => {
  const creates: Answer[] = [];
  const deletes: Answer[] = [];
  let seqBefore: number;

  /** Creates relays one after the other and deletes every second one at once. */
  async function traffic(over: AbortSignal): Promise<void> {
    while (!over.aborted) {
      const created = await callApi(url, { method: 'POST', body: {} });
      creates.push(created);
      if (created.status === 202 && creates.length % 2 === 0) {
        deletes.push(await callApi(`${url}/${created.body.id}`, { method: 'DELETE' }));
      }
      await delay(100);
    }
  }

  const answered = (status: number) => creates.filter((answer) => answer.status === status).length;

  beforeAll(async () => {
    seqBefore = await trouble.ledgerSeq();
    const over = new AbortController();
    const clients = [traffic(over.signal), traffic(over.signal)];
    try {
      await waitFor('some creates accepted', 5_000, async () => answered(202) >= 10);
      redisOf(trouble.stack).kill('SIGKILL');
      await waitFor('some creates refused', 5_000, async () => answered(503) >= 10);
      await redisOf(trouble.stack).restart();
      const before = answered(202);
      await waitFor('creates accepted again', 5_000, async () => answered(202) >= before + 10);
    } finally {
      over.abort();
      await Promise.all(clients);
    }
  }, 30_000);

  test('answers are 202 or, within a second, 503 as problem+json', () => {
    const refused = [...creates, ...deletes].filter(({ status }) => status === 503);
    expect(new Set([...creates, ...deletes].map(({ status }) => status))).toEqual(new Set([202, 200, 503]));
    for (const answer of refused) {
      expect(answer).toMatchObject({ contentType: 'application/problem+json', body: { code: 'store_unavailable' } });
      expect(answer.tookMs).toBeLessThan(1_000);
    }
  });

  test('both apps are ready again by themselves', () => trouble.ready(5_000));

  test('no acknowledged create and no acknowledged delete is lost', async () => {
    const deleted = deletes.filter(({ status }) => status !== 503).map(({ body }) => body.id);
    const kept = creates.filter(({ status, body }) => status === 202 && !deleted.includes(body.id));
    await Promise.all(deleted.map((id) => trouble.relays.becomes(id, 'terminated', 15_000)));
    const active = await Promise.all(kept.map(({ body }) => trouble.relays.becomes(body.id, 'active', 15_000)));
    expect(new Set(active.map(({ instanceId }) => instanceId)).size).toBe(kept.length);
  }, 30_000);

  test('every live instance is that of one live relay, and none was launched twice', async () => {
    const { body } = await callApi<{ relays: RelayAnswer[] }>(`${url}?limit=200&state=active`);
    const live = (await trouble.liveInstances()).map(({ id }) => id);
    expect(live.toSorted()).toEqual(body.relays.map(({ instanceId }) => instanceId).toSorted());
    const { body: all } = await callApi<{ relays: RelayAnswer[] }>(`${url}?limit=200`);
    const carried = all.relays.flatMap(({ instanceId }) => instanceId ?? []);
    const launched = (await trouble.launchesSince(seqBefore)).map(({ instanceId }) => instanceId);
    expect(launched.toSorted()).toEqual(carried.toSorted());
  });
});

test('a Redis that hangs is answered with 503 within a second, and costs no relay', async () => {
  const seq = await trouble.ledgerSeq();
  redisOf(trouble.stack).kill('SIGSTOP');
  try {
    const answers = await Promise.all([
      callApi(url, { method: 'POST', body: {} }),
      callApi(url),
      callApi(url, { method: 'POST', headers: { 'idempotency-key': 'hang' }, body: {} }),
    ]);
    for (const answer of answers) {
      expect(answer).toMatchObject({ status: 503, contentType: 'application/problem+json' });
      expect(answer.tookMs).toBeLessThan(1_000);
    }
    await delay(2_000);
  } finally {
    redisOf(trouble.stack).kill('SIGCONT');
  }
  await trouble.ready(5_000);
  const relay = await trouble.relays.create({});
  await trouble.relays.becomes(relay.id, 'active', 5_000);
  expect(await trouble.endsSince(seq)).toEqual([]);
});
