import { RunInstancesCommand, type RunInstancesCommandInput } from '@aws-sdk/client-ec2';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { SimInstance } from '../control/control-types.js';
import {
  agentUserData,
  type FakeControlPlane,
  type PlaneAnswer,
  startFakeControlPlane,
} from '../testing/fake-control-plane.js';
import { launchInput, startTestCloud, type TestCloud } from '../testing/test-cloud.js';
import { until } from '../testing/until.js';

let cloud: TestCloud;
let plane: FakeControlPlane;
/** At its top, the heartbeat interval is exactly what the control plane said. */
let jitter: number;
beforeEach(async () => {
  plane = await startFakeControlPlane();
  jitter = 1;
  cloud = await startTestCloud({ settings: { bootMs: 0, throttle: false }, random: () => jitter });
});
afterEach(async () => {
  await cloud.stop();
  await plane.stop();
});

const leaseIn = (ms: number) => new Date(cloud.clock.now() + ms).toISOString();
const welcome = (leaseMs = 3_600_000): PlaneAnswer => ({
  status: 200,
  body: { relayId: 'rly_1', sessionSecret: 'rs_secret', heartbeatSeconds: 10, leaseExpiresAt: leaseIn(leaseMs) },
});

async function boot(overrides: Partial<RunInstancesCommandInput> = {}): Promise<string> {
  const UserData = agentUserData(plane.url);
  const input = launchInput({ UserData, InstanceInitiatedShutdownBehavior: 'terminate', ...overrides });
  const answer = await cloud.ec2().send(new RunInstancesCommand(input));
  cloud.clock.advance(0);
  return answer.Instances?.[0]?.InstanceId ?? '';
}

const see = (id: string): Promise<SimInstance> => cloud.control.instance(id);
const requestCount = (count: number) => until(() => plane.requests.length >= count);

/** A machine whose agent has checked in and waits for its next heartbeat. */
async function bootCheckedIn(leaseMs?: number): Promise<string> {
  plane.answer = () => welcome(leaseMs);
  const id = await boot();
  await until(async () => (await see(id)).agent !== null);
  return id;
}

describe('the check-in', () => {
  test('comes on boot, with the launch token, and heartbeats follow with the secret it got', async () => {
    const id = await bootCheckedIn();
    expect(plane.requests).toEqual([
      { path: '/api/v1/checkins', authorization: undefined, body: { instanceId: id, launchToken: 'lt_token' } },
    ]);
    const firstLease = (await see(id)).agent?.leaseExpiresAt;
    const secondLease = leaseIn(7_200_000);
    plane.answer = () => ({ status: 200, body: { leaseExpiresAt: secondLease, leaseToken: 'opaque' } });
    cloud.clock.advance(9999);
    expect(plane.requests).toHaveLength(1);
    cloud.clock.advance(1);
    await until(async () => (await see(id)).agent?.leaseExpiresAt === secondLease);
    cloud.clock.advance(10_000);
    await requestCount(3);
    const beat = { path: '/api/v1/relays/rly_1/heartbeat', authorization: 'Bearer rs_secret' };
    expect(plane.requests.slice(1)).toEqual([
      { ...beat, body: { instanceId: id, leaseExpiresAt: firstLease } },
      { ...beat, body: { instanceId: id, leaseExpiresAt: secondLease, leaseToken: 'opaque' } },
    ]);
  });

  test('is followed by a heartbeat at any moment of the interval, and by others a little before its end', async () => {
    jitter = 0.25;
    const id = await bootCheckedIn();
    plane.answer = () => ({ status: 200, body: { leaseExpiresAt: leaseIn(3_600_000) } });
    for (const [count, pause] of [2_500, 9_250, 9_250].entries()) {
      cloud.clock.advance(pause - 1);
      expect(plane.requests).toHaveLength(count + 1);
      cloud.clock.advance(1);
      await requestCount(count + 2);
      const { leaseExpiresAt } = (plane.requests.at(-1) as { body: object }).body as { leaseExpiresAt: string };
      // The next is planned when the answer has been heard.
      await until(async () => (await see(id)).agent?.leaseExpiresAt !== leaseExpiresAt);
    }
  });

  test('is tried again at growing intervals until it is accepted', async () => {
    const answers: (PlaneAnswer | 'cut')[] = [{ status: 404 }, { status: 409 }, 'cut', { status: 500 }];
    const times: number[] = [];
    plane.answer = () => {
      times.push(cloud.clock.now());
      return answers.shift() ?? welcome();
    };
    const id = await boot();
    await until(async () => {
      cloud.clock.advance(50);
      return (await see(id)).agent !== null;
    });
    expect(plane.requests.map(({ path }) => path)).toEqual(Array(5).fill('/api/v1/checkins'));
    const waits = times.slice(1).map((at, index) => at - (times[index] ?? at));
    for (const [index, least] of [200, 400, 800, 1600].entries()) expect(waits[index]).toBeGreaterThanOrEqual(least);
  });

  test.each([401, 410])('refused with %i ends the machine', async (status) => {
    plane.answer = () => ({ status });
    const id = await boot();
    await until(async () => (await see(id)).state === 'shutting-down');
    cloud.clock.advance(200);
    expect(await see(id)).toMatchObject({
      state: 'terminated',
      endCause: 'agent',
      stateReason: { code: 'Client.InstanceInitiatedShutdown' },
    });
  });

  test('that is never answered ends the machine at the limit on silence', async () => {
    const id = await boot({ UserData: agentUserData('http://127.0.0.1:1') });
    cloud.clock.advance(119_999);
    expect((await see(id)).state).toBe('running');
    cloud.clock.advance(1);
    expect((await see(id)).state).toBe('shutting-down');
  });

  test('can be delayed', async () => {
    await cloud.control.changeSettings({ checkInDelayMs: 3000 });
    plane.answer = () => welcome();
    await boot();
    cloud.clock.advance(2999);
    expect(plane.requests).toHaveLength(0);
    cloud.clock.advance(1);
    await requestCount(1);
  });

  test('is not made without agent settings in the user data, or with agents off', async () => {
    await boot({ UserData: Buffer.from('#!/bin/sh\ntrue').toString('base64') });
    await boot({ UserData: Buffer.from('#cloud-config\nwrite_files: 7').toString('base64') });
    await boot({ UserData: undefined });
    await cloud.control.changeSettings({ agents: false });
    await boot();
    expect((await cloud.control.state()).agents).toBe(0);
  });
});

describe('the heartbeat', () => {
  test.each([401, 410])('answered %i ends the machine', async (status) => {
    const id = await bootCheckedIn();
    plane.answer = () => ({ status });
    cloud.clock.advance(10_000);
    await until(async () => (await see(id)).state === 'shutting-down');
  });

  test('answered 404 goes on, since a lost store may be rebuilt', async () => {
    const id = await bootCheckedIn();
    plane.answer = () => ({ status: 404 });
    cloud.clock.advance(10_000);
    await requestCount(2);
    const lease = leaseIn(3_600_000);
    plane.answer = () => ({ status: 200, body: { leaseExpiresAt: lease } });
    await until(async () => {
      cloud.clock.advance(1000);
      return (await see(id)).agent?.leaseExpiresAt === lease;
    });
    expect((await see(id)).state).toBe('running');
  });

  test('unanswered past the limit on silence ends the machine', async () => {
    const id = await bootCheckedIn();
    plane.answer = () => ({ status: 503 });
    cloud.clock.advance(119_999);
    expect((await see(id)).state).toBe('running');
    cloud.clock.advance(1);
    expect((await see(id)).state).toBe('shutting-down');
  });

  test('that brings no longer lease ends the machine a minute after the lease', async () => {
    const id = await bootCheckedIn(30_000);
    const lease = (await see(id)).agent?.leaseExpiresAt;
    plane.answer = () => ({ status: 200, body: { leaseExpiresAt: lease } });
    cloud.clock.advance(89_999);
    expect((await see(id)).state).toBe('running');
    cloud.clock.advance(1);
    expect((await see(id)).state).toBe('shutting-down');
  });

  test('stops with the machine', async () => {
    const id = await bootCheckedIn();
    await cloud.control.kill({ instanceIds: [id] });
    cloud.clock.advance(60_000);
    expect((await cloud.control.state()).agents).toBe(0);
    expect(plane.requests).toHaveLength(1);
  });
});

test('a machine whose shutdown behaviour is stop only stops', async () => {
  plane.answer = () => ({ status: 410 });
  const id = await boot({ InstanceInitiatedShutdownBehavior: 'stop' });
  await until(async () => (await see(id)).state === 'stopping');
  cloud.clock.advance(200);
  expect((await see(id)).state).toBe('stopped');
});

describe('an agent', () => {
  test('cut off says nothing, and its dead-man switch ends the machine', async () => {
    const id = await bootCheckedIn();
    await cloud.control.setAgents({ mode: 'silent', instanceIds: [id] });
    cloud.clock.advance(119_999);
    expect(plane.requests).toHaveLength(1);
    expect((await see(id)).state).toBe('running');
    cloud.clock.advance(1);
    expect((await see(id)).state).toBe('shutting-down');
  });

  test('crashed says nothing and ends nothing', async () => {
    await cloud.control.setAgents({ mode: 'crashed', region: 'us-east-1' });
    const id = await boot();
    cloud.clock.advance(3_600_000);
    expect((await see(id)).state).toBe('running');
    expect(plane.requests).toHaveLength(0);
  });

  test('can find its voice again', async () => {
    const id = await bootCheckedIn();
    await cloud.control.setAgents({ mode: 'silent' });
    cloud.clock.advance(60_000);
    await cloud.control.setAgents({ mode: 'normal' });
    cloud.clock.advance(0);
    await requestCount(2);
    expect((await see(id)).state).toBe('running');
  });
});

test('five hundred agents share a bounded set of connections', async () => {
  plane.answer = () => welcome();
  await boot({ MaxCount: 500 });
  await requestCount(500);
  await until(async () => (await cloud.control.instances()).every(({ agent }) => agent !== null));
  expect(plane.connections).toBeLessThanOrEqual(64);
});
