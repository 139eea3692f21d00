import { connectTestRedis, testRedisUrl, waitFor } from '@aegis/local-stack';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Answer } from './testing/answer.js';
import { startTestApi, type TestApi } from './testing/test-api.js';
import { KEYS } from './testing/test-config.js';
import { createTestFleet, type TestFleet } from './testing/test-fleet.js';

let api: TestApi;
let fleet: TestFleet;

beforeAll(async () => {
  api = await startTestApi(testRedisUrl('api'));
  fleet = createTestFleet(api);
});
afterAll(async () => {
  await fleet.close();
  await api.stop();
});

const create = (prefer?: string, body: unknown = {}): Promise<Answer> =>
  api.ask('POST', '/api/v1/relays', { body, headers: prefer === undefined ? {} : { prefer } });

/** The relay that a create which waits has stored meanwhile. */
async function pendingId(label: string): Promise<string> {
  return waitFor('the relay', 15_000, async () => {
    const { body } = await api.ask('GET', `/api/v1/relays?label=wait=${label}`);
    return body.relays[0]?.id;
  });
}

async function activate(id: string): Promise<void> {
  const { instanceId, launchToken } = await fleet.launch(id);
  await fleet.running(id, instanceId);
  await api.ask('POST', '/api/v1/checkins', { key: null, body: { instanceId, launchToken } });
}

describe('Prefer: wait', () => {
  test('answers 201 with the address as soon as the relay is active', async () => {
    const waiting = create('respond-async, wait=30', { labels: { wait: 'active' } });
    await activate(await pendingId('active'));
    const answer = await waiting;
    expect(answer).toMatchObject({ status: 201, body: { state: 'active', address: '198.51.100.7' } });
    expect(answer.headers.get('preference-applied')).toBe('wait=30');
    expect(answer.headers.get('location')).toBe(`/api/v1/relays/${answer.body.id}`);
    expect(answer.headers.get('retry-after')).toBeNull();
  });

  test('answers as soon as the relay has ended', async () => {
    const waiting = create('wait=30', { labels: { wait: 'ended' } });
    await api.ask('DELETE', `/api/v1/relays/${await pendingId('ended')}`);
    expect(await waiting).toMatchObject({ status: 201, body: { state: 'terminated', reason: 'requested' } });
  });

  test('answers 202 as it stands when the time is over', async () => {
    const answer = await create('wait=0');
    expect(answer).toMatchObject({ status: 202, body: { state: 'pending' } });
    expect(answer.headers.get('preference-applied')).toBe('wait=0');
    expect(answer.headers.get('retry-after')).toBe('1');
    const startedAt = performance.now();
    expect((await create('wait=1')).status).toBe(202);
    expect(performance.now() - startedAt).toBeGreaterThan(990);
  });

  test.each(['wait', 'wait=x', 'wait=-1', 'delay=5', 'nowait=5', 'wait=5x'])(
    'a preference like %j is ignored',
    async (prefer) => {
      const answer = await create(prefer);
      expect(answer.status).toBe(202);
      expect(answer.headers.get('preference-applied')).toBeNull();
    },
  );

  test('asks for at most a minute; a repeated create waits for the same relay', async () => {
    const headers = { 'idempotency-key': 'waits', prefer: 'wait="600"' };
    const { id } = (await api.ask('POST', '/api/v1/relays', { headers: { 'idempotency-key': 'waits' } })).body;
    const waiting = api.ask('POST', '/api/v1/relays', { headers });
    await api.ask('DELETE', `/api/v1/relays/${id}`);
    const answer = await waiting;
    expect(answer).toMatchObject({ status: 201, body: { id, state: 'terminated' } });
    expect(answer.headers.get('preference-applied')).toBe('wait=60');
    expect(answer.headers.get('idempotent-replayed')).toBe('true');
  });

  test('ends with the process, as it stands', async () => {
    const other = await startTestApi(api.config.redisUrl);
    const waiting = other.ask('POST', '/api/v1/relays', { headers: { prefer: 'wait=60' } });
    await waitFor('the relay', 15_000, async () => {
      return (await other.ask('GET', '/api/v1/relays')).body.relays.length > 0;
    });
    await other.stop();
    expect(await waiting).toMatchObject({ status: 202, body: { state: 'pending' } });
  });

  test('does not make the service look slow', async () => {
    const page = await (await fetch(`${api.url}/metrics`)).text();
    const slow = /aegis_http_request_duration_seconds_sum\{method="POST",route="\/api\/v1\/relays"\} (\S+)/.exec(page);
    expect(Number(slow?.[1])).toBeLessThan(0.9);
  });
});

describe('region auto', () => {
  const freeze = (region: string | undefined, launch: boolean) =>
    api.ask('PUT', '/api/v1/admin/freeze', { key: KEYS.operator, body: { region, launch } });
  const auto = async () => (await create(undefined, { region: 'auto' })).body.region;

  test('is the first region, unless that one cannot launch', async () => {
    const other = api.config.regions[1]?.name;
    expect(await auto()).toBe(api.region);
    await freeze(api.region, true);
    expect(await auto()).toBe(other);
    await freeze(other, true);
    expect(await auto()).toBe(api.region);
    await freeze(undefined, false);
  });

  test('passes over a region that has no capacity for what is asked for, until that is worth another try', async () => {
    const redis = connectTestRedis();
    const exhausted = `{aegis:${api.region}}:exhausted`;
    const other = api.config.regions[1]?.name;
    await redis.hset(exhausted, 't3.micro', Date.now() + 60_000);
    expect(await auto()).toBe(other);
    expect((await create(undefined, { region: 'auto', instanceType: 't3.micro' })).body.region).toBe(other);
    await redis.hset(exhausted, 't3.micro', Date.now() - 1);
    expect(await auto()).toBe(api.region);
    await redis.del(exhausted);
    await redis.quit();
  });
});

describe('instanceType', () => {
  test('is kept with the relay, and answered', async () => {
    const { status, body } = await create(undefined, { instanceType: 't3.micro' });
    expect({ status, body }).toMatchObject({ status: 202, body: { instanceType: 't3.micro' } });
    expect((await api.ask('GET', `/api/v1/relays/${body.id}`)).body.instanceType).toBe('t3.micro');
    expect((await create()).body.instanceType).toBeNull();
  });

  test.each(['', 't3.huge', '__proto__', ' t3.micro'])('%j is refused, and those allowed are named', async (type) => {
    for (const region of [api.region, 'auto']) {
      expect(await create(undefined, { region, instanceType: type })).toMatchObject({
        status: 400,
        body: {
          code: 'unknown_instance_type',
          detail: expect.stringContaining('t3.micro'),
          errors: [{ pointer: '/instanceType', message: 'One of t3.micro' }],
        },
      });
    }
  });

  test('what each region has can be read', async () => {
    const { body } = await api.ask('GET', '/api/v1/regions');
    expect(body.regions[0]).toEqual({ name: api.region, default: true, instanceTypes: ['t3.micro'] });
  });
});
