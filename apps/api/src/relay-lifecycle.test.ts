import { createAegisClient, dataOf } from '@aegis/client';
import { testRedisUrl } from '@aegis/local-stack';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startTestApi, type TestApi } from './testing/test-api.js';
import { KEYS } from './testing/test-config.js';
import { createTestFleet, type TestFleet } from './testing/test-fleet.js';

let api: TestApi;
let fleet: TestFleet;

beforeAll(async () => {
  api = await startTestApi(testRedisUrl('api'), { maxLifetimeSeconds: 100_000 });
  fleet = createTestFleet(api);
});
afterAll(async () => {
  await fleet.close();
  await api.stop();
});

async function create(body: unknown = {}) {
  const { body: relay, status } = await api.ask('POST', '/api/v1/relays', { body });
  expect(status).toBe(202);
  return relay;
}

async function activate(relayId: string) {
  const { instanceId, launchToken } = await fleet.launch(relayId);
  await fleet.running(relayId, instanceId);
  const { body } = await api.ask('POST', '/api/v1/checkins', { key: null, body: { instanceId, launchToken } });
  return { instanceId, launchToken, sessionSecret: body.sessionSecret };
}

async function metric(line: string): Promise<number> {
  const page = await (await fetch(`${api.url}/metrics`)).text();
  return Number(new RegExp(`^${line.replaceAll(/[{}"]/g, '\\$&')} (\\S+)$`, 'm').exec(page)?.[1]);
}

test('the typed client goes the whole way', async () => {
  const client = createAegisClient({ baseUrl: api.url, key: KEYS.acme });
  const created = dataOf(await client.POST('/api/v1/relays', { body: { labels: { by: 'client' } } }));
  const path = { id: created.id };
  await activate(created.id);
  const renewed = dataOf(await client.POST('/api/v1/relays/{id}/renew', { params: { path } }));
  expect(renewed).toMatchObject({ id: created.id, state: 'active', labels: { by: 'client' } });
  const { events } = dataOf(await client.GET('/api/v1/relays/{id}/events', { params: { path } }));
  expect(events.map(({ to }) => to)).toEqual(['pending', 'launching', 'booting', 'active']);
  expect(dataOf(await client.DELETE('/api/v1/relays/{id}', { params: { path } }))).toMatchObject({
    reason: 'requested',
  });
  const gone = await client.GET('/api/v1/relays/{id}', { params: { path: { id: 'rly_none' } } });
  expect(() => dataOf(gone)).toThrow(expect.objectContaining({ status: 404, problem: gone.error }));
});

describe('asking for a relay', () => {
  test('is accepted with nothing in the request: no body, and every default', async () => {
    const before = Date.now();
    const answer = await api.ask('POST', '/api/v1/relays');
    expect(answer.status).toBe(202);
    expect(answer.headers.get('location')).toBe(`/api/v1/relays/${answer.body.id}`);
    expect(answer.headers.get('retry-after')).toBe('1');
    expect(answer.headers.get('idempotent-replayed')).toBeNull();
    expect(answer.body).toMatchObject({
      state: 'pending',
      region: api.region,
      address: null,
      instanceId: null,
      labels: {},
      leaseSeconds: 3600,
      activeAt: null,
      endedAt: null,
      reason: null,
      failure: null,
    });
    const createdAt = Date.parse(answer.body.createdAt);
    expect(createdAt).toBeGreaterThanOrEqual(before);
    expect(Date.parse(answer.body.leaseExpiresAt)).toBe(createdAt + 3_600_000);
  });

  test('takes region, lease and labels', async () => {
    const region = api.config.regions[1]?.name;
    const labels = { app: 'live', 'team/name': 'vidéo ✓', constructor: 'x' };
    const relay = await create({ region, leaseSeconds: 5, labels });
    expect(relay).toMatchObject({ region, leaseSeconds: 5, labels });
    expect((await api.ask('GET', `/api/v1/relays/${relay.id}`)).body).toEqual(relay);
  });
});

describe('a relay that serves', () => {
  test('goes from its check-in to active, and its story tells each step', async () => {
    const { id } = await create();
    const before = await metric(`aegis_relay_provision_total{provider="ec2",region="${api.region}",status="ok"}`);
    const { instanceId } = await activate(id);
    const { body } = await api.ask('GET', `/api/v1/relays/${id}`);
    expect(body).toMatchObject({ state: 'active', address: '198.51.100.7', instanceId });
    expect(body.activeAt).not.toBeNull();
    expect(await metric(`aegis_relay_provision_total{provider="ec2",region="${api.region}",status="ok"}`)).toBe(
      before + 1,
    );
    const events = await api.ask('GET', `/api/v1/relays/${id}/events`);
    expect(events.body.events.map((event: { to: string }) => event.to)).toEqual([
      'pending',
      'launching',
      'booting',
      'active',
    ]);
    expect(events.body).toMatchObject({
      nextAfter: null,
      events: [{ seq: 1, from: null }, {}, { awsRequestId: 'aws-request-1' }, {}],
    });
    const first = await api.ask('GET', `/api/v1/relays/${id}/events?limit=3`);
    expect(first.body.nextAfter).toBe(3);
    const rest = await api.ask('GET', `/api/v1/relays/${id}/events?after=3`);
    expect(rest.body.events).toEqual(events.body.events.slice(3));
  });

  test('answers its agent with the lease, and a repeated check-in with the same session', async () => {
    const { id } = await create();
    const { instanceId, launchToken, sessionSecret } = await activate(id);
    const again = await api.ask('POST', '/api/v1/checkins', { key: null, body: { instanceId, launchToken } });
    expect(again.body).toMatchObject({ relayId: id, sessionSecret, heartbeatSeconds: 10 });
    const renewed = await api.ask('POST', `/api/v1/relays/${id}/renew`, { body: { leaseSeconds: 7200 } });
    const beat = await api.ask('POST', `/api/v1/relays/${id}/heartbeat`, {
      key: sessionSecret,
      body: { instanceId, leaseExpiresAt: again.body.leaseExpiresAt, leaseToken: again.body.leaseToken },
    });
    expect(beat.body).toMatchObject({ leaseExpiresAt: renewed.body.leaseExpiresAt, heartbeatSeconds: 10 });
    expect(beat.body.leaseToken).not.toBe(again.body.leaseToken);
  });

  test('is renewed for its own lease or another, at most to its maximum lifetime', async () => {
    const relay = await create({ leaseSeconds: 60 });
    const renew = (body?: unknown) => api.ask('POST', `/api/v1/relays/${relay.id}/renew`, { body });
    const before = Date.now();
    const same = await renew();
    expect(same.status).toBe(200);
    expect(Date.parse(same.body.leaseExpiresAt)).toBeGreaterThanOrEqual(before + 60_000);
    expect(Date.parse(same.body.leaseExpiresAt)).toBeLessThanOrEqual(Date.now() + 60_000);
    const longer = await renew({ leaseSeconds: 86_400 });
    expect(Date.parse(longer.body.leaseExpiresAt)).toBeGreaterThanOrEqual(before + 86_400_000);
    expect(longer.body.leaseSeconds).toBe(86_400);
  });
});

describe('a delete', () => {
  test('of a relay that waits ends it at once, and again answers the same', async () => {
    const { id } = await create();
    const cancelled = `aegis_relay_provision_total{provider="ec2",region="${api.region}",status="cancelled"}`;
    const before = await metric(cancelled);
    const gone = await api.ask('DELETE', `/api/v1/relays/${id}`);
    expect(gone).toMatchObject({ status: 200, body: { state: 'terminated', reason: 'requested' } });
    expect(await api.ask('DELETE', `/api/v1/relays/${id}`)).toMatchObject({ status: 200, body: gone.body });
    expect(await metric(cancelled)).toBe(before + 1);
    expect((await api.ask('POST', `/api/v1/relays/${id}/renew`)).body.code).toBe('relay_ended');
  });

  test('of a relay that serves is accepted, then done; its agent is told to stop', async () => {
    const { id } = await create();
    const { instanceId, launchToken, sessionSecret } = await activate(id);
    const accepted = await api.ask('DELETE', `/api/v1/relays/${id}`);
    expect(accepted).toMatchObject({ status: 202, body: { state: 'terminating', reason: 'requested' } });
    expect((await api.ask('DELETE', `/api/v1/relays/${id}`)).status).toBe(202);
    expect((await api.ask('POST', `/api/v1/relays/${id}/renew`)).body.code).toBe('relay_ended');
    const heartbeat = () =>
      api.ask('POST', `/api/v1/relays/${id}/heartbeat`, { key: sessionSecret, body: { instanceId } });
    expect(await heartbeat()).toMatchObject({ status: 410, body: { code: 'relay_gone' } });
    const checkIn = await api.ask('POST', '/api/v1/checkins', { key: null, body: { instanceId, launchToken } });
    expect(checkIn).toMatchObject({ status: 410, body: { code: 'relay_gone' } });
    await fleet.gone(id, instanceId);
    expect(await api.ask('DELETE', `/api/v1/relays/${id}`)).toMatchObject({
      status: 200,
      body: { state: 'terminated' },
    });
    expect((await heartbeat()).status).toBe(410);
  });
});

describe('agents', () => {
  test('with a wrong launch token learn nothing and change nothing', async () => {
    const { id } = await create();
    const { instanceId, launchToken } = await fleet.launch(id);
    await fleet.running(id, instanceId);
    const forged = `${launchToken.slice(0, -1)}${launchToken.endsWith('A') ? 'B' : 'A'}`;
    for (const token of [forged, '', 'lt_', `${launchToken}x`]) {
      const answer = await api.ask('POST', '/api/v1/checkins', { key: null, body: { instanceId, launchToken: token } });
      expect(answer).toMatchObject({ status: 401, body: { code: 'invalid_launch_token' } });
    }
    expect((await api.ask('GET', `/api/v1/relays/${id}`)).body.state).toBe('booting');
  });

  test('whose instance is not recorded yet are told to try again', async () => {
    const { id } = await create();
    const { launchToken } = await fleet.launch(id);
    const body = { instanceId: 'i-00000000000000000', launchToken };
    const answer = await api.ask('POST', '/api/v1/checkins', { key: null, body });
    expect(answer).toMatchObject({ status: 404, body: { code: 'instance_unknown' } });
    expect(answer.headers.get('retry-after')).toBe('1');
  });

  test("with a wrong, foreign or another instance's session secret are refused", async () => {
    const [mine, other] = [await create(), await create()];
    const session = await activate(mine.id);
    const foreign = await activate(other.id);
    const heartbeat = (key: string | null, instanceId = session.instanceId) =>
      api.ask('POST', `/api/v1/relays/${mine.id}/heartbeat`, { key, body: { instanceId } });
    for (const key of [null, 'rs_', foreign.sessionSecret, `${session.sessionSecret}x`]) {
      expect(await heartbeat(key)).toMatchObject({ status: 401, body: { code: 'invalid_session_secret' } });
    }
    expect((await heartbeat(session.sessionSecret, foreign.instanceId)).status).toBe(401);
    expect((await heartbeat(session.sessionSecret)).status).toBe(200);
  });
});

describe('lists', () => {
  test('page through all relays newest first, filtered by state and region', async () => {
    const fresh = await startTestApi(api.config.redisUrl);
    try {
      const ids: string[] = [];
      for (let i = 0; i < 5; i++) ids.unshift((await fresh.ask('POST', '/api/v1/relays')).body.id);
      const seen: string[] = [];
      const times: string[] = [];
      let cursor: string | null = null;
      do {
        const path: string = `/api/v1/relays?limit=2${cursor ? `&cursor=${cursor}` : ''}`;
        const { body } = await fresh.ask('GET', path);
        seen.push(...body.relays.map((relay: { id: string }) => relay.id));
        times.push(...body.relays.map((relay: { createdAt: string }) => relay.createdAt));
        cursor = body.nextCursor;
      } while (cursor !== null);
      expect(seen.toSorted()).toEqual(ids.toSorted());
      expect(times).toEqual(times.toSorted().reverse());
      await fresh.ask('DELETE', `/api/v1/relays/${ids[0]}`);
      const listed = async (query: string) => (await fresh.ask('GET', `/api/v1/relays?${query}`)).body.relays.length;
      expect(await listed('state=terminated')).toBe(1);
      expect(await listed('state=terminated&state=pending')).toBe(5);
      expect(await listed(`region=${fresh.config.regions[1]?.name}`)).toBe(0);
    } finally {
      await fresh.stop();
    }
  });

  test('of regions name the default first', async () => {
    const { body } = await api.ask('GET', '/api/v1/regions');
    expect(body.regions).toEqual([
      { name: api.region, default: true, instanceTypes: ['t3.micro'] },
      { name: api.config.regions[1]?.name, default: false, instanceTypes: ['t3.micro'] },
    ]);
  });
});
