// Redis is killed and started again, and hangs, while clients go on asking.

import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { waitFor } from '../src/wait-for.js';
import { type ApiAnswer, callApi } from './api-call.js';
import type { RelayAnswer } from './relay-client.js';
import { redisOf, startTroubleStack, type TroubleStack } from './trouble-stack.js';

let trouble: TroubleStack;
let url: string;

beforeAll(async () => {
  trouble = await startTroubleStack({ appendFsync: 'always' });
  url = trouble.relaysUrl;
}, 60_000);

afterAll(() => trouble?.stack.stop(), 30_000);

type Answer = ApiAnswer<RelayAnswer & { code?: string }>;

/** The median: a single answer also waits for the processors that this test shares with others. */
function typicalMs(answers: readonly Answer[]): number {
  return answers.map(({ tookMs }) => tookMs).toSorted((a, b) => a - b)[Math.floor(answers.length / 2)] ?? Number.NaN;
}

describe('Redis killed and started again', () => {
  const creates: Answer[] = [];
  const deletes: { id: string; answer: Answer }[] = [];
  let seqBefore: number;

  /** Creates relays one after the other and deletes every second one at once. */
  async function traffic(over: AbortSignal): Promise<void> {
    while (!over.aborted) {
      const created = await callApi(url, { method: 'POST', body: {} });
      creates.push(created);
      if (created.status === 202 && creates.length % 2 === 0) {
        const { id } = created.body;
        deletes.push({ id, answer: await callApi(`${url}/${id}`, { method: 'DELETE' }) });
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
      await waitFor('some creates accepted', 15_000, async () => answered(202) >= 10);
      redisOf(trouble.stack).kill('SIGKILL');
      await waitFor('some creates refused', 15_000, async () => answered(503) >= 10);
      await redisOf(trouble.stack).restart();
      const before = answered(202);
      await waitFor('creates accepted again', 15_000, async () => answered(202) >= before + 10);
    } finally {
      over.abort();
      await Promise.all(clients);
    }
  }, 60_000);

  test('answers are 202 or, within a second, 503 as problem+json', () => {
    const answers = [...creates, ...deletes.map(({ answer }) => answer)];
    const refused = answers.filter(({ status }) => status === 503);
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202, 200, 503]));
    for (const answer of refused) {
      expect(answer).toMatchObject({ contentType: 'application/problem+json', body: { code: 'store_unavailable' } });
    }
    expect(typicalMs(refused)).toBeLessThan(1_000);
  });

  test('both apps are ready again by themselves', () => trouble.ready(15_000));

  test('no acknowledged create and no acknowledged delete is lost', async () => {
    const deleted = deletes.filter(({ answer }) => answer.status !== 503).map(({ id }) => id);
    // A refused delete may have been carried out: Redis was killed before it could say so.
    const asked = new Set(deletes.map(({ id }) => id));
    const kept = creates.filter(({ status, body }) => status === 202 && !asked.has(body.id));
    expect(deleted.length).toBeGreaterThan(0);
    expect(kept.length).toBeGreaterThan(0);
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
    for (const request of [
      { method: 'POST', body: {} },
      { method: 'GET' },
      { method: 'POST', headers: { 'idempotency-key': 'hang' }, body: {} },
    ] as const) {
      const answers: Answer[] = [];
      for (let i = 0; i < 3; i++) answers.push(await callApi(url, request));
      for (const answer of answers) {
        expect(answer).toMatchObject({ status: 503, contentType: 'application/problem+json' });
      }
      expect(typicalMs(answers)).toBeLessThan(1_000);
    }
  } finally {
    redisOf(trouble.stack).kill('SIGCONT');
  }
  await trouble.ready(15_000);
  const relay = await trouble.relays.create({});
  await trouble.relays.becomes(relay.id, 'active', 15_000);
  expect(await trouble.endsSince(seq)).toEqual([]);
});
