import { randomInt, randomUUID } from 'node:crypto';
import { connectTestRedis, keysOf } from '@aegis/local-stack';
import { afterAll, describe, expect, test } from '@jest/globals';
import type { Fence, FleetStore } from './fleet-store.js';
import { createRedisFleetStore } from './redis-fleet-store.js';
import { createRedisRelayStore } from './redis-relay-store.js';
import type { Relay } from './relay.js';
import { newIntentId, newRelayId } from './relay-id.js';
import type { RelayFrontStore } from './relay-store.js';
import { relayOutcomes } from './relay-transition.js';

const TIMING = {
  pendingTimeoutMs: 60_000,
  bootTimeoutMs: 30_000,
  heartbeatTimeoutMs: 20_000,
  blindAfterMs: 15_000,
  readiness: 'checkin',
} as const;
const T0 = 1_800_000_000_000;

const redis = connectTestRedis();
const apiRedis = connectTestRedis('api');
const jobsRedis = connectTestRedis('jobs');
let front: RelayFrontStore;
let fleet: FleetStore;
let region: string;

afterAll(() => Promise.all([redis, apiRedis, jobsRedis].map((client) => client.quit())));

/** A complete sweep that found nothing: the store is known to be the present. */
async function verify(now = T0, hold = { leases: 0, heartbeats: 0 }): Promise<void> {
  const fence = await fleet.beginRun(region, 'orphan_sweep');
  const { doubted } = await fleet.beginSweep(fence, T0);
  await fleet.finishSweep(fence, {
    now,
    doubted,
    holdLeasesUntil: hold.leases,
    holdHeartbeatsUntil: hold.heartbeats,
    halted: false,
    instances: 0,
    orphans: 0,
    missing: 0,
    marked: new Map(),
  });
}

/** A region of its own per test: nothing is shared. */
function unverifiedRegion(): void {
  region = `us-test-${randomInt(1e9)}`;
  front = createRedisRelayStore({ redis: apiRedis, regions: [region], timing: TIMING });
  fleet = createRedisFleetStore({ redis: jobsRedis, timing: TIMING, newToken: randomUUID });
}

async function freshRegion(): Promise<void> {
  unverifiedRegion();
  await verify();
}

async function create(
  now = T0,
  options: { tenant?: string; leaseSeconds?: number; labels?: Record<string, string> } = {},
) {
  const { relay } = await front.create({
    id: newRelayId(region, now, randomInt),
    tenant: options.tenant ?? 'acme',
    region,
    labels: options.labels ?? {},
    leaseSeconds: options.leaseSeconds ?? 3600,
    maxLifetimeSeconds: 86_400,
    now,
  });
  return relay;
}

async function openIntent(relays: readonly Relay[], now = T0 + 1): Promise<{ fence: Fence; intentId: string }> {
  const fence = await fleet.beginRun(region, 'relay_launch');
  const intentId = newIntentId(region, now, randomInt);
  const outcome = await fleet.openIntent(fence, {
    id: intentId,
    relayIds: relays.map((r) => r.id),
    request: {},
    openedAt: now,
  });
  expect(outcome).toBe('opened');
  return { fence, intentId };
}

const instanceOf = (relay: Relay) => `i-${relay.id.slice(-16).replace(/[^0-9a-f]/g, '0')}0`;

async function launch(relays: readonly Relay[], now = T0 + 2) {
  const { fence, intentId } = await openIntent(relays, now);
  await fleet.settleIntent(fence, {
    intentId,
    now,
    awsRequestId: 'req-1',
    instanceType: 't3.micro',
    launched: relays.map((relay) => ({ relayId: relay.id, instanceId: instanceOf(relay), dead: false })),
    without: { relayIds: [], fate: 'requeue', code: 'capacity' },
  });
  return intentId;
}

async function observe(
  relay: Relay,
  seen: 'pending' | 'running' | 'ending' | 'gone',
  address: string | null,
  now: number,
) {
  const fence = await fleet.beginRun(region, 'relay_boot_watch');
  return fleet.observe(fence, [{ relayId: relay.id, instanceId: instanceOf(relay), seen, address, note: 'seen' }], now);
}

async function activate(relay: Relay, now = T0 + 1000) {
  const intentId = await launch([relay]);
  await observe(relay, 'running', '198.51.100.7', now);
  return front.checkIn({ region, intentId, instanceId: instanceOf(relay), now });
}

const stateOf = async (relay: Relay) => (await front.get(relay.id))?.state;
const counts = async () => (await front.inventory(region)).counts;

describe('a relay from create to active', () => {
  test('create stores it pending once, whatever is retried', async () => {
    await freshRegion();
    const relay = await create(T0, { labels: { app: 'live', __proto__x: 'y' } });
    const again = await front.create({
      id: relay.id,
      tenant: 'acme',
      region,
      labels: {},
      leaseSeconds: 1,
      maxLifetimeSeconds: 1,
      now: T0 + 5,
    });
    expect(again).toMatchObject({ outcome: 'exists', relay });
    expect(relay).toMatchObject({
      state: 'pending',
      createdAt: T0,
      leaseExpiresAt: T0 + 3_600_000,
      labels: { app: 'live' },
    });
    expect(await counts()).toMatchObject({ pending: 1, active: 0 });
  });

  test('it becomes active once both its address and its check-in are known, in either order', async () => {
    await freshRegion();
    const [addressFirst, checkInFirst] = [await create(), await create(T0 + 1)];
    const result = await activate(addressFirst);
    expect(result).toMatchObject({ outcome: 'accepted', relay: { state: 'active', address: '198.51.100.7' } });
    expect(result.outcome === 'accepted' && result.moves.flatMap(relayOutcomes)).toEqual([
      { kind: 'provision', status: 'ok', latencyMs: 1000 },
    ]);

    const intentId = await launch([checkInFirst]);
    const early = await front.checkIn({ region, intentId, instanceId: instanceOf(checkInFirst), now: T0 + 500 });
    expect(early).toMatchObject({ outcome: 'accepted', moves: [], relay: { state: 'booting' } });
    const moves = await observe(checkInFirst, 'running', '198.51.100.8', T0 + 900);
    expect(moves).toMatchObject([{ from: 'booting', to: 'active' }]);
    expect(await counts()).toMatchObject({ pending: 0, launching: 0, booting: 0, active: 2 });
  });

  test('a check-in for another intent or an unknown instance changes nothing', async () => {
    await freshRegion();
    const relay = await create();
    const intentId = await launch([relay]);
    const other = newIntentId(region, T0, randomInt);
    expect(await front.checkIn({ region, intentId: other, instanceId: instanceOf(relay), now: T0 })).toEqual({
      outcome: 'unknown_instance',
    });
    expect(await front.checkIn({ region, intentId, instanceId: 'i-00000000000000001', now: T0 })).toEqual({
      outcome: 'unknown_instance',
    });
    expect((await front.get(relay.id))?.version).toBe(relay.version + 2);
  });

  test('its events tell the whole story, and resume after a number', async () => {
    await freshRegion();
    const relay = await create();
    await activate(relay);
    const story = await front.events(relay.id, 0, 100);
    expect(story.map((event) => [event.seq, event.from, event.to])).toEqual([
      [1, null, 'pending'],
      [2, 'pending', 'launching'],
      [3, 'launching', 'booting'],
      [4, 'booting', 'active'],
    ]);
    expect(story[1]?.attempt).toBe(1);
    expect(story[2]?.awsRequestId).toBe('req-1');
    expect(await front.events(relay.id, 2, 1)).toEqual([story[2]]);
  });
});

describe('launch intents', () => {
  test('fewer instances than asked: the rest go back to the front of pending', async () => {
    await freshRegion();
    const relays = [await create(T0), await create(T0 + 1)];
    const late = await create(T0 + 50);
    const { fence, intentId } = await openIntent(relays);
    const [first, second] = relays as [Relay, Relay];
    await fleet.settleIntent(fence, {
      intentId,
      now: T0 + 60,
      awsRequestId: null,
      instanceType: 't3.micro',
      launched: [{ relayId: first.id, instanceId: instanceOf(first), dead: false }],
      without: { relayIds: [second.id], fate: 'requeue', code: 'capacity' },
    });
    expect((await fleet.launchWork(region, 10)).waiting.map(({ id }) => id)).toEqual([second.id, late.id]);
    expect((await fleet.launchWork(region, 10)).intents).toEqual([]);
  });

  test('nothing opens when a chosen relay was deleted meanwhile', async () => {
    await freshRegion();
    const relay = await create();
    await front.requestTermination(relay.id, { tenant: 'acme', now: T0 + 1 });
    const fence = await fleet.beginRun(region, 'relay_launch');
    const intent = { id: newIntentId(region, T0, randomInt), relayIds: [relay.id], request: {}, openedAt: T0 };
    expect(await fleet.openIntent(fence, intent)).toBe('conflict');
    expect((await fleet.launchWork(region, 10)).intents).toEqual([]);
  });

  test('a delete that meets a launch in flight wins: the instance is terminated when it appears', async () => {
    await freshRegion();
    const relay = await create();
    const { fence, intentId } = await openIntent([relay]);
    const deleted = await front.requestTermination(relay.id, { tenant: 'acme', now: T0 + 5 });
    expect(deleted.outcome === 'accepted' && deleted.moves.flatMap(relayOutcomes)).toMatchObject([
      { kind: 'provision', status: 'cancelled' },
    ]);
    expect(await fleet.terminating(region, T0 + 6, 10)).toEqual([]);
    await fleet.settleIntent(fence, {
      intentId,
      now: T0 + 10,
      awsRequestId: null,
      instanceType: 't3.micro',
      launched: [{ relayId: relay.id, instanceId: instanceOf(relay), dead: false }],
      without: { relayIds: [], fate: 'requeue', code: 'x' },
    });
    expect(await fleet.terminating(region, T0 + 11, 10)).toMatchObject([
      { relayId: relay.id, sent: false, launchedAt: T0 + 10 },
    ]);
  });

  test('a delete that meets a launch whose instance is dead already leaves nothing to terminate', async () => {
    await freshRegion();
    const relay = await create();
    const { fence, intentId } = await openIntent([relay]);
    await front.requestTermination(relay.id, { tenant: 'acme', now: T0 + 5 });
    const moves = await fleet.settleIntent(fence, {
      intentId,
      now: T0 + 10,
      awsRequestId: null,
      instanceType: 't3.micro',
      launched: [{ relayId: relay.id, instanceId: instanceOf(relay), dead: true }],
      without: { relayIds: [], fate: 'requeue', code: 'x' },
    });
    expect(moves.flatMap(relayOutcomes)).toEqual([{ kind: 'deprovision', status: 'ignored', latencyMs: 5 }]);
    expect(await front.get(relay.id)).toMatchObject({ state: 'terminated', instanceId: instanceOf(relay) });
  });

  test('an instance that died while pending fails its relay, never to be launched again', async () => {
    await freshRegion();
    const relay = await create();
    const { fence, intentId } = await openIntent([relay]);
    const moves = await fleet.settleIntent(fence, {
      intentId,
      now: T0 + 10,
      awsRequestId: null,
      instanceType: 't3.micro',
      launched: [{ relayId: relay.id, instanceId: instanceOf(relay), dead: true }],
      without: { relayIds: [], fate: 'requeue', code: 'x' },
    });
    expect(moves.flatMap(relayOutcomes)).toMatchObject([
      { kind: 'provision', status: 'error' },
      { kind: 'deprovision', status: 'ignored' },
    ]);
    expect(await front.get(relay.id)).toMatchObject({ state: 'failed', reason: 'instance_lost' });
  });

  test('a second settlement changes nothing', async () => {
    await freshRegion();
    const relay = await create();
    const { fence, intentId } = await openIntent([relay]);
    const result = {
      intentId,
      now: T0 + 10,
      awsRequestId: null,
      instanceType: 't3.micro',
      launched: [],
      without: {
        relayIds: [relay.id],
        fate: 'fail',
        reason: 'quota_exceeded',
        code: 'vcpu_limit',
        message: 'No quota.',
      },
    } as const;
    expect(
      await fleet.settleIntent(fence, {
        ...result,
        without: { ...result.without, relayIds: [relay.id] },
        launched: [],
      }),
    ).toHaveLength(1);
    expect(
      await fleet.settleIntent(fence, {
        ...result,
        without: { ...result.without, relayIds: [relay.id] },
        launched: [],
      }),
    ).toEqual([]);
    expect(await front.get(relay.id)).toMatchObject({
      state: 'failed',
      failure: { code: 'vcpu_limit', message: 'No quota.' },
    });
  });
});

describe('fencing', () => {
  test('a run that lost its place can change nothing, wherever it wakes up', async () => {
    await freshRegion();
    const relay = await create();
    const { fence: stale, intentId } = await openIntent([relay]);
    await fleet.beginRun(region, 'relay_launch');
    const settle = {
      intentId,
      now: T0,
      awsRequestId: null,
      instanceType: 't3.micro',
      launched: [],
      without: { relayIds: [relay.id], fate: 'requeue', code: 'x' },
    } as const;
    const before = await redis.hgetall(`{aegis:${region}}:relay:${relay.id}`);
    await expect(
      fleet.settleIntent(stale, { ...settle, launched: [], without: { ...settle.without, relayIds: [relay.id] } }),
    ).rejects.toMatchObject({ code: 'fenced' });
    await expect(
      fleet.openIntent(stale, { id: 'int_x', relayIds: [relay.id], request: {}, openedAt: T0 }),
    ).rejects.toMatchObject({ code: 'fenced' });
    const others: [Fence['job'], (fence: Fence) => Promise<unknown>][] = [
      [
        'relay_boot_watch',
        (fence) =>
          fleet.observe(fence, [{ relayId: relay.id, instanceId: 'i-1', seen: 'gone', address: null, note: '' }], T0),
      ],
      [
        'relay_terminate',
        (fence) =>
          fleet.recordTerminations(
            fence,
            [{ relayId: relay.id, instanceId: 'i-1', outcome: 'gone', again: 0, note: '', awsRequestId: null }],
            T0,
          ),
      ],
      ['relay_expiry', (fence) => fleet.expireDue(fence, T0 + 1e9, 10)],
      ['history_prune', (fence) => fleet.pruneEnded(fence, T0 + 1e9, 10)],
    ];
    for (const [job, act] of others) {
      const old = await fleet.beginRun(region, job);
      await fleet.beginRun(region, job);
      await expect(act(old)).rejects.toMatchObject({ code: 'fenced' });
    }
    expect(await redis.hgetall(`{aegis:${region}}:relay:${relay.id}`)).toEqual(before);
    expect((await fleet.launchWork(region, 10)).intents.map(({ id }) => id)).toEqual([intentId]);
  });
});

describe('the way out', () => {
  test('a pending relay ends at once, an active one when its instance is gone', async () => {
    await freshRegion();
    const [waiting, serving] = [await create(), await create(T0 + 1)];
    await front.requestTermination(waiting.id, { tenant: 'acme', now: T0 + 2 });
    expect(await stateOf(waiting)).toBe('terminated');
    await activate(serving);
    const first = await front.requestTermination(serving.id, { tenant: 'acme', now: T0 + 2000 });
    const second = await front.requestTermination(serving.id, { tenant: 'acme', now: T0 + 2001 });
    expect([first, second]).toMatchObject([{ changed: true }, { changed: false, moves: [] }]);
    const fence = await fleet.beginRun(region, 'relay_terminate');
    const sent = {
      relayId: serving.id,
      instanceId: instanceOf(serving),
      outcome: 'sent',
      again: T0 + 4000,
      note: '',
      awsRequestId: null,
    } as const;
    await fleet.recordTerminations(fence, [sent], T0 + 2100);
    expect(await fleet.terminating(region, T0 + 3999, 10)).toEqual([]);
    expect(await fleet.terminating(region, T0 + 4000, 10)).toMatchObject([{ sent: true }]);
    const { moves } = await fleet.recordTerminations(fence, [{ ...sent, outcome: 'gone' }], T0 + 4100);
    expect(moves.flatMap(relayOutcomes)).toEqual([{ kind: 'deprovision', status: 'ok', latencyMs: 2100 }]);
    expect(await stateOf(serving)).toBe('terminated');
  });

  test('foreign and unknown relays are not found', async () => {
    await freshRegion();
    const relay = await create();
    expect(await front.requestTermination(relay.id, { tenant: 'other', now: T0 })).toEqual({ outcome: 'not_found' });
    expect(await front.renew(relay.id, { tenant: 'other', leaseSeconds: 5, now: T0 })).toEqual({
      outcome: 'not_found',
    });
    expect(await front.get('rly_nowhere1_0123456789abcdef')).toBeNull();
    expect(await stateOf(relay)).toBe('pending');
  });

  test('an instance lost while serving ends its relay, once EC2 says it is gone', async () => {
    await freshRegion();
    const relay = await create();
    await activate(relay);
    await observe(relay, 'ending', null, T0 + 2000);
    expect(await front.get(relay.id)).toMatchObject({ state: 'terminating', reason: 'instance_lost' });
    const moves = await observe(relay, 'gone', null, T0 + 2500);
    expect(moves.flatMap(relayOutcomes)).toEqual([{ kind: 'deprovision', status: 'ignored', latencyMs: 500 }]);
    expect(await front.get(relay.id)).toMatchObject({ state: 'terminated', reason: 'instance_lost' });
  });

  test('an instance that is gone at first sight is a deprovision too, with nothing to do', async () => {
    await freshRegion();
    const relay = await create();
    await activate(relay);
    const moves = await observe(relay, 'gone', null, T0 + 2000);
    expect(moves.flatMap(relayOutcomes)).toEqual([{ kind: 'deprovision', status: 'ignored', latencyMs: 0 }]);
  });

  test('a terminate that meets an instance on its way out is confirmed, but was not what ended it', async () => {
    await freshRegion();
    const relay = await create();
    await activate(relay);
    await front.requestTermination(relay.id, { tenant: 'acme', now: T0 + 2000 });
    const fence = await fleet.beginRun(region, 'relay_terminate');
    const record = { relayId: relay.id, instanceId: instanceOf(relay), again: T0 + 4000, note: '', awsRequestId: null };
    await fleet.recordTerminations(fence, [{ ...record, outcome: 'ending' }], T0 + 2100);
    expect(await fleet.terminating(region, T0 + 4000, 10)).toMatchObject([{ sent: true, sentAt: 0 }]);
    const { moves } = await fleet.recordTerminations(fence, [{ ...record, outcome: 'gone' }], T0 + 4100);
    expect(moves.flatMap(relayOutcomes)).toEqual([{ kind: 'deprovision', status: 'ignored', latencyMs: 2100 }]);
  });
});

describe('deadlines', () => {
  async function expire(now: number) {
    const fence = await fleet.beginRun(region, 'relay_expiry');
    return fleet.expireDue(fence, now, 100);
  }
  /** Both signs of life that a judgement of silence needs. */
  async function seeing(now: number) {
    await front.beat(region, now);
    await expire(now);
    await front.beat(region, now);
  }

  test('a lease that nobody renews expires; a renewed one does not', async () => {
    await freshRegion();
    const [lapsed, kept] = [await create(T0, { leaseSeconds: 5 }), await create(T0 + 1, { leaseSeconds: 5 })];
    await activate(lapsed);
    await activate(kept);
    await front.renew(kept.id, { tenant: 'acme', leaseSeconds: 0, now: T0 + 4000 });
    expect((await expire(T0 + 5500)).moves).toMatchObject([
      { relayId: lapsed.id, to: 'terminating', reason: 'lease_expired' },
    ]);
    expect((await front.get(kept.id))?.leaseExpiresAt).toBe(T0 + 9000);
    expect(await front.renew(lapsed.id, { tenant: 'acme', leaseSeconds: 9, now: T0 + 6000 })).toMatchObject({
      outcome: 'ended',
    });
  });

  test('renewals stop at the maximum lifetime', async () => {
    await freshRegion();
    const relay = await create();
    const renewed = await front.renew(relay.id, { tenant: 'acme', leaseSeconds: 999_999, now: T0 + 1 });
    expect(renewed).toMatchObject({ relay: { leaseExpiresAt: T0 + 86_400_000 } });
  });

  test('boot time-outs and endless waiting fail with a reason', async () => {
    await freshRegion();
    const [slow, stuck] = [await create(), await create(T0 + 1)];
    await launch([slow]);
    const { moves } = await expire(T0 + 60_100);
    expect(moves).toMatchObject([
      { relayId: slow.id, to: 'terminating', reason: 'boot_timeout' },
      { relayId: stuck.id, to: 'failed', reason: 'launch_rejected' },
    ]);
    expect((await front.get(stuck.id))?.failure?.code).toBe('launch_timeout');
  });

  test('a silent relay is lost only when it could have been heard', async () => {
    await freshRegion();
    const relay = await create();
    await activate(relay, T0);
    // No api was seen yet: silence proves nothing for one time-out.
    expect((await expire(T0 + 21_000)).moves).toEqual([]);
    for (let now = T0 + 22_000; now <= T0 + 40_000; now += 6_000) await seeing(now);
    expect(await stateOf(relay)).toBe('active');
    await seeing(T0 + 46_000);
    expect(await front.get(relay.id)).toMatchObject({ state: 'terminating', reason: 'heartbeat_lost' });
  });

  test('heartbeats keep it alive, and only those of its own instance', async () => {
    await freshRegion();
    const relay = await create();
    await activate(relay, T0);
    for (let now = T0; now <= T0 + 60_000; now += 6_000) {
      await seeing(now);
      expect(
        await front.heartbeat(relay.id, { instanceId: instanceOf(relay), now, heardLeaseExpiresAt: null }),
      ).toMatchObject({
        outcome: 'alive',
      });
    }
    expect(
      await front.heartbeat(relay.id, { instanceId: 'i-0000000000000000f', now: T0, heardLeaseExpiresAt: null }),
    ).toEqual({
      outcome: 'not_found',
    });
    expect(await stateOf(relay)).toBe('active');
  });

  test('ended relays are forgotten after their time, with their traces', async () => {
    await freshRegion();
    const relay = await create();
    await front.requestTermination(relay.id, { tenant: 'acme', now: T0 + 5 });
    const fence = await fleet.beginRun(region, 'history_prune');
    expect(await fleet.pruneEnded(fence, T0 + 5, 10)).toBe(0);
    expect(await fleet.pruneEnded(fence, T0 + 6, 10)).toBe(1);
    expect(await front.get(relay.id)).toBeNull();
    expect(await keysOf(redis, `*${region}*${relay.id}*`)).toEqual([]);
    expect((await counts()).terminated).toBe(0);
  });
});

describe('listing', () => {
  test('pages are newest first, complete, stable and of one tenant', async () => {
    await freshRegion();
    const mine: Relay[] = [];
    for (let i = 0; i < 7; i++) mine.push(await create(T0 + i));
    await create(T0 + 3, { tenant: 'other' });
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await front.list({ tenant: 'acme', regions: [region], limit: 3, ...(cursor ? { cursor } : {}) });
      if (page.outcome !== 'page') throw new Error('bad cursor');
      seen.push(...page.relays.map(({ id }) => id));
      cursor = page.nextCursor ?? undefined;
      await create(T0 + 100); // newer ones do not disturb older pages
    } while (cursor);
    expect(seen).toEqual(mine.map(({ id }) => id).reverse());
  });

  test('a state filter and a bad cursor', async () => {
    await freshRegion();
    const relay = await create();
    await create(T0 + 1);
    await front.requestTermination(relay.id, { tenant: 'acme', now: T0 + 5 });
    const page = await front.list({ tenant: 'acme', regions: [region], limit: 5, states: ['terminated'] });
    expect(page).toMatchObject({ outcome: 'page', relays: [{ id: relay.id }], nextCursor: null });
    expect(await front.list({ tenant: 'acme', regions: [region], limit: 5, cursor: '../x' })).toEqual({
      outcome: 'bad_cursor',
    });
  });
});
