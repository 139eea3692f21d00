import { connectTestRedis, testRedisUrl } from '@aegis/local-stack';
import { createRegionQueue } from '@aegis/queues';
import { regionPrefix } from '@aegis/relays';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startTestApi, type TestApi } from './testing/test-api.js';
import { KEYS } from './testing/test-config.js';
import { createTestFleet, type TestFleet } from './testing/test-fleet.js';

let api: TestApi;
let fleet: TestFleet;
let other: string;

beforeAll(async () => {
  api = await startTestApi(testRedisUrl('api'));
  fleet = createTestFleet(api);
  other = api.config.regions[1]?.name ?? '';
});
afterAll(async () => {
  await fleet.close();
  await api.stop();
});

const key = KEYS.operator;
const freeze = (body: unknown) => api.ask('PUT', '/api/v1/admin/freeze', { key, body });

test('switches are set for one region or for all, and only those that are named', async () => {
  const off = { launch: false, sweep: false };
  expect((await api.ask('GET', '/api/v1/admin/freeze', { key })).body.regions).toEqual([
    { region: api.region, ...off },
    { region: other, ...off },
  ]);
  expect((await freeze({ region: other, launch: true })).body.regions).toEqual([
    { region: other, launch: true, sweep: false },
  ]);
  await freeze({ sweep: true });
  expect((await api.ask('GET', '/api/v1/admin/freeze', { key })).body.regions).toEqual([
    { region: api.region, launch: false, sweep: true },
    { region: other, launch: true, sweep: true },
  ]);
  await freeze({ launch: false, sweep: false });
  expect((await freeze({})).body.regions).toEqual([
    { region: api.region, ...off },
    { region: other, ...off },
  ]);
});

test.each([
  [{ region: 'mars-north-1' }, 'unknown_region'],
  [{ launch: 1 }, 'invalid_body'],
  [undefined, 'invalid_body'],
])('a freeze of %j is refused', async (body, code) => {
  expect(await freeze(body)).toMatchObject({ status: 400, body: { code } });
});

test('a sweep is asked for where it is wanted, once however often', async () => {
  const redis = connectTestRedis();
  const waiting = async (region: string) => {
    const queue = createRegionQueue({ region, prefix: regionPrefix(region), connection: redis });
    const { waiting: count } = (await queue.depth()).jobs;
    await queue.close();
    return count;
  };
  const before = { here: await waiting(api.region), there: await waiting(other) };
  for (let i = 0; i < 3; i++) {
    const answer = await api.ask('POST', '/api/v1/admin/sweeps', { key, body: { region: other } });
    expect(answer).toMatchObject({ status: 202, body: { regions: [other] } });
  }
  expect({ here: await waiting(api.region), there: await waiting(other) }).toEqual({
    ...before,
    there: before.there + 1,
  });
  expect((await api.ask('POST', '/api/v1/admin/sweeps', { key })).body.regions).toEqual([api.region, other]);
  await redis.quit();
});

test('the last sweep of each region can be read', async () => {
  const path = '/api/v1/admin/sweeps';
  const [swept] = (await api.ask('GET', path, { key })).body.sweeps;
  expect(Date.now() - Date.parse(swept.lastCompleteAt)).toBeLessThan(10_000);
  expect(swept).toMatchObject({ halted: false, instances: 0, orphans: 0, missing: 0 });
});
