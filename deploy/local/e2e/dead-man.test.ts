// With nobody left to end them, relays end by themselves.

import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { waitFor } from '../src/wait-for.js';
import type { RelayAnswer } from './relay-client.js';
import { redisOf, startTroubleStack, type TroubleStack } from './trouble-stack.js';

const SILENCE_LIMIT_MS = 6_000;

let trouble: TroubleStack;
let active: RelayAnswer[];
let booting: RelayAnswer;
let stoppedAt: number;

beforeAll(async () => {
  trouble = await startTroubleStack({
    env: { AEGIS_RELAYS_SILENCE_LIMIT_SECONDS: String(SILENCE_LIMIT_MS / 1_000) },
  });
  const regions = ['us-east-1', 'us-east-1', 'eu-west-1'];
  active = await Promise.all(regions.map((region) => trouble.activeRelay({ region })));
}, 60_000);

afterAll(() => trouble?.stack.stop(), 30_000);

const apps = () => [...trouble.stack.api, ...trouble.stack.jobs];

test('instances are launched so that a shutdown from within terminates them', async () => {
  for (const { instanceId } of active) {
    expect(await trouble.sim.instance(instanceId ?? '')).toMatchObject({ shutdownBehavior: 'terminate' });
  }
});

test('a silence shorter than the limit ends no relay', async () => {
  const [api] = trouble.stack.api;
  api?.kill('SIGSTOP');
  await delay(SILENCE_LIMIT_MS / 3);
  api?.kill('SIGCONT');
  await trouble.ready(5_000);
  const [first] = active;
  await trouble.relays.becomes(first?.id ?? '', 'active', 1_000);
  expect(await trouble.liveInstances()).toHaveLength(active.length);
});

test('with the whole control plane gone every relay ends by itself, one that never checked in too', async () => {
  await trouble.sim.changeSettings({ checkInDelayMs: 2_000 });
  const { id } = await trouble.relays.create({});
  booting = await trouble.relays.becomes(id, 'booting', 5_000);
  for (const app of apps()) app.kill();
  redisOf(trouble.stack).kill();
  stoppedAt = Date.now();
  await waitFor(
    'no instance left',
    SILENCE_LIMIT_MS + 10_000,
    async () => (await trouble.liveInstances()).length === 0,
  );

  const shutDown = (await trouble.endsSince(0)).filter(({ event }) => event === 'shutting-down');
  const everyInstance = [...active, booting].map(({ instanceId }) => instanceId);
  expect(shutDown.map(({ instanceId }) => instanceId).toSorted()).toEqual(everyInstance.toSorted());
  for (const { at, cause, reason } of shutDown) {
    expect(cause).toBe('agent');
    expect(reason).toContain('InstanceInitiatedShutdown');
    // A heartbeat and an agent's start may lie a moment before or after.
    expect(at - stoppedAt).toBeGreaterThan(SILENCE_LIMIT_MS - 2_500);
    expect(at - stoppedAt).toBeLessThan(SILENCE_LIMIT_MS + 5_000);
  }
}, 30_000);

test('the control plane, once back, closes their records and goes on', async () => {
  await trouble.sim.changeSettings({ checkInDelayMs: 0 });
  await redisOf(trouble.stack).restart();
  await Promise.all(apps().map((app) => app.restart()));
  for (const { id } of active) {
    expect(await trouble.relays.becomes(id, 'terminated', 15_000)).toMatchObject({ reason: 'instance_lost' });
  }
  expect(await trouble.relays.becomes(booting.id, 'failed', 5_000)).toMatchObject({ reason: 'instance_lost' });
  await trouble.activeRelay();
}, 40_000);
