// EC2 throttles, fails, refuses, hangs and forgets.

import { setTimeout as delay } from 'node:timers/promises';
import type { FaultInput } from '@aegis/ec2-sim';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { waitFor } from '../src/wait-for.js';
import { callApi } from './api-call.js';
import type { RelayAnswer } from './relay-client.js';
import { startTroubleStack, type TroubleStack } from './trouble-stack.js';

let trouble: TroubleStack;

beforeAll(async () => {
  trouble = await startTroubleStack();
}, 60_000);

afterAll(() => trouble?.stack.stop(), 30_000);

const lastCall = async () => (await trouble.sim.calls({ limit: 0 })).lastSeq;
const callsSince = async (seq: number, region: string) =>
  (await trouble.sim.calls({ after: seq, region, limit: 10_000 })).calls;
const createIn = (region: string, count: number) =>
  Promise.all(Array.from({ length: count }, () => trouble.relays.create({ region })));
const allActive = (relays: RelayAnswer[], withinMs: number) =>
  Promise.all(relays.map(({ id }) => trouble.relays.becomes(id, 'active', withinMs)));

/** At rest every live instance is that of one live relay. */
async function expectNothingLeaked(): Promise<void> {
  const { body } = await callApi<{ relays: RelayAnswer[] }>(`${trouble.relaysUrl}?limit=200&state=active`);
  const carried = body.relays.map(({ instanceId }) => instanceId);
  expect((await trouble.liveInstances()).map(({ id }) => id).toSorted()).toEqual(carried.toSorted());
}

const STORM_MS = 5_000;

const always = (region: string, fault: Omit<FaultInput, 'region' | 'count'>): FaultInput => ({
  ...fault,
  region,
  count: null,
});

describe('storms, one in each region', () => {
  const storms = [
    {
      name: 'throttling',
      region: 'us-east-1',
      faults: (region: string) => [always(region, { kind: { type: 'error', code: 'RequestLimitExceeded' } })],
    },
    {
      name: 'internal errors, of launches that really happen',
      region: 'eu-west-1',
      faults: (region: string) => [
        always(region, { operation: 'RunInstances', effect: 'done', kind: { type: 'http', status: 500 } }),
        always(region, { kind: { type: 'error', code: 'InternalError', httpStatus: 500 } }),
      ],
    },
    {
      name: 'credentials that stopped working',
      region: 'ap-southeast-2',
      faults: (region: string) => [always(region, { kind: { type: 'auth' } })],
    },
  ];
  const leaving = new Map<string, RelayAnswer>();
  const wanted = new Map<string, RelayAnswer[]>();
  let callsBefore: number;
  let ledgerBefore: number;
  let clearedAt: number;

  beforeAll(async () => {
    const active = await Promise.all(storms.map(({ region }) => trouble.activeRelay({ region })));
    for (const relay of active) leaving.set(relay.region, relay);
    [callsBefore, ledgerBefore] = [await lastCall(), await trouble.ledgerSeq()];
    for (const { region, faults } of storms) for (const fault of faults(region)) await trouble.sim.fault(fault);
    for (const [region, { id }] of leaving) {
      await trouble.relays.remove(id);
      wanted.set(region, await createIn(region, 3));
    }
    await delay(STORM_MS);
  }, 60_000);

  test.each(storms)('$name: no relay is given up, and few calls are made', async ({ region }) => {
    const relays = await Promise.all((wanted.get(region) ?? []).map(({ id }) => trouble.relays.get(id)));
    for (const { state } of relays) expect(['pending', 'launching']).toContain(state);
    expect(await trouble.relays.get(leaving.get(region)?.id ?? '')).toMatchObject({ state: 'terminating' });
    const calls = await callsSince(callsBefore, region);
    expect(calls.length).toBeGreaterThan(3);
    const seconds = ((calls.at(-1)?.at ?? 0) - (calls[0]?.at ?? 0)) / 1_000;
    expect(calls.length / seconds).toBeLessThan(12);
    for (const operation of ['RunInstances', 'TerminateInstances']) {
      expect(calls.filter((call) => call.operation === operation).length).toBeLessThanOrEqual(STORM_MS / 500);
    }
  });

  test.each(storms)(
    '$name: everything converges when it ends',
    async ({ region }) => {
      if (clearedAt === undefined) {
        await trouble.sim.clearFaults();
        clearedAt = performance.now();
      }
      await allActive(wanted.get(region) ?? [], 15_000);
      await trouble.relays.becomes(leaving.get(region)?.id ?? '', 'terminated', 15_000);
    },
    20_000,
  );

  test('no relay was launched twice and nothing is leaked', async () => {
    expect(await trouble.launchesSince(ledgerBefore)).toHaveLength(3 * storms.length);
    await expectNothingLeaked();
  });
});

describe('a region that never answers', () => {
  const DEAD = 'eu-west-1';
  /** The attempt time-out of jobs is 8 s. */
  const ATTEMPT_MS = 8_000;
  let stuck: RelayAnswer[];
  let callsBefore: number;
  let ledgerBefore: number;

  beforeAll(async () => {
    [callsBefore, ledgerBefore] = [await lastCall(), await trouble.ledgerSeq()];
    await trouble.sim.fault(always(DEAD, { operation: 'RunInstances', effect: 'done', kind: { type: 'hang' } }));
    await trouble.sim.fault(always(DEAD, { kind: { type: 'hang' } }));
    stuck = await createIn(DEAD, 2);
  });

  test('does not slow the others down', async () => {
    for (const region of ['us-east-1', 'ap-southeast-2'])
      await allActive(await createIn(region, 2), ATTEMPT_MS - 2_000);
    const [jobs] = trouble.stack.jobs;
    expect((await fetch(`${jobs?.url}/readyz`)).status).toBe(200);
  });

  test('holds no call longer than its time-out', async () => {
    const [first, second] = await waitFor('a launch that is tried again', ATTEMPT_MS + 6_000, async () => {
      const calls = await callsSince(callsBefore, DEAD);
      const launches = calls.filter(({ operation }) => operation === 'RunInstances');
      return launches.length > 1 && launches;
    });
    expect(second?.clientToken).toBe(first?.clientToken);
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThan(ATTEMPT_MS - 100);
    // With the SDK's own wait between two attempts.
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeLessThan(ATTEMPT_MS + 3_000);
    expect((await callsSince(callsBefore, DEAD)).length).toBeLessThanOrEqual(12);
  }, 20_000);

  test('gives its relays the instances it launched all the while', async () => {
    await trouble.sim.clearFaults();
    await allActive(stuck, 15_000);
    const launched = (await trouble.launchesSince(ledgerBefore)).filter(({ region }) => region === DEAD);
    expect(launched).toHaveLength(stuck.length);
    await expectNothingLeaked();
  }, 20_000);
});

test('a terminate refused with 403 for an instance that no longer exists is not repeated for ever', async () => {
  const region = 'us-east-1';
  const relay = await trouble.activeRelay({ region });
  const { id, instanceId } = relay;
  // Its launch lies back further than EC2 takes to show an instance.
  const redis = new Redis(trouble.stack.redisUrl);
  await redis.hset(`{aegis:${region}}:relay:${id}`, 'launched', Date.now() - 120_000);
  redis.disconnect();
  await trouble.sim.changeSettings({ terminateUnknown: 'unauthorized' });
  await trouble.sim.terminateOutside([instanceId ?? '']);
  await waitFor('the instance has ended', 15_000, async () => {
    return (await trouble.sim.instance(instanceId ?? '')).state === 'terminated';
  });
  await trouble.sim.purge();
  const before = await lastCall();
  await trouble.relays.remove(id);
  await trouble.relays.becomes(id, 'terminated', 15_000);
  const refused = (await callsSince(before, region)).filter(({ operation }) => operation === 'TerminateInstances');
  expect(refused.map(({ outcome }) => outcome)).toEqual(['UnauthorizedOperation']);
});
