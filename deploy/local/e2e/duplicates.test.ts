// Many duplicates of one create, on replicas of the api that are killed meanwhile: one relay comes of it, always. The whole
// run is `AEGIS_TEST_DUPLICATE_ROUNDS=100`; each run says its seed, and `AEGIS_TEST_DUPLICATE_SEED` repeats its choices.

import { setTimeout as delay } from 'node:timers/promises';
import { createSimControl } from '@aegis/ec2-sim';
import { type ManagedProcess, type Stack, startStack } from '@aegis/local-stack';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { callApi } from './api-call.js';
import type { RelayAnswer } from './relay-client.js';

const ROUNDS = Number(process.env.AEGIS_TEST_DUPLICATE_ROUNDS ?? 3);
const SEED = Number(process.env.AEGIS_TEST_DUPLICATE_SEED ?? Date.now() % 1_000_000);
const DUPLICATES = 50;
/** About as long as it takes to answer all of them. */
const LATEST_KILL_MS = 60;
const RETRY_MS = 20;
const TRIES = 1_000;

let stack: Stack;

beforeAll(async () => {
  stack = await startStack({ apiReplicas: 2, simEnv: { AEGIS_SIM_BOOT_MS: '50' } });
}, 60_000);
afterAll(() => stack?.stop(), 30_000);

/** Mulberry32: small, and the same for the same seed. */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Asks one replica after the other until one answers, as a client behind a load balancer does. */
async function createOnce(key: string, first: number) {
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const { url } = stack.api[(first + attempt) % stack.api.length] as ManagedProcess;
    const headers = { 'idempotency-key': key };
    const answer = await callApi(`${url}/api/v1/relays`, { method: 'POST', body: { labels: { round: key } }, headers });
    if (answer.status !== 0 && answer.status !== 503) return { ...answer, attempt };
    await delay(RETRY_MS);
  }
  throw new Error(`no answer for ${key}`);
}

async function killAndRestart(victims: readonly ManagedProcess[], afterMs: number): Promise<void> {
  await delay(afterMs);
  for (const victim of victims) victim.kill('SIGKILL');
  await Promise.all(
    victims.map(async (victim) => {
      await victim.exited();
      await victim.start();
    }),
  );
}

test(
  `one relay comes of ${DUPLICATES} duplicates, ${ROUNDS} rounds, whichever replicas die in the midst of them (seed ${SEED})`,
  async () => {
    const random = createRandom(SEED);
    let retried = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const key = `round-${round}`;
      const choice = Math.floor(random() * 3);
      const victims = stack.api.filter((_, index) => choice === 2 || index === choice);
      const killing = killAndRestart(victims, random() * LATEST_KILL_MS);
      const answers = await Promise.all(Array.from({ length: DUPLICATES }, (_, i) => createOnce(key, i)));
      await killing;
      expect(answers.filter(({ status }) => status !== 202 && status !== 201)).toEqual([]);
      const [id = '', ...others] = new Set(answers.map(({ body }) => body.id));
      expect({ round, others }).toEqual({ round, others: [] });
      const listed = await callApi<{ relays: RelayAnswer[] }>(`${stack.apiUrl}/api/v1/relays?label=round=${key}`);
      expect({ round, ids: listed.body.relays.map((relay) => relay.id) }).toEqual({ round, ids: [id] });
      await callApi(`${stack.apiUrl}/api/v1/relays/${id}`, { method: 'DELETE' });
      retried += answers.filter(({ attempt }) => attempt > 0).length;
    }
    // The kills did hit requests, and no relay ever had a second instance.
    if (ROUNDS >= 100) expect(retried).toBeGreaterThan(ROUNDS);
    const { records } = await createSimControl(stack.sim.url).ledger({ event: 'launched', limit: 1_000 });
    expect(records.length).toBeLessThanOrEqual(ROUNDS);
  },
  30_000 + ROUNDS * 10_000,
);
