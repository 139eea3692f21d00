import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateTagsCommand, DescribeInstancesCommand, RunInstancesCommand } from '@aws-sdk/client-ec2';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { agentUserData, startFakeControlPlane } from '../testing/fake-control-plane.js';
import { failureOf, launchInput, startTestCloud } from '../testing/test-cloud.js';
import { until } from '../testing/until.js';

let dir: string;
let stateFile: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ec2-sim-'));
  stateFile = join(dir, 'nested', 'cloud.jsonl');
});
afterEach(() => rm(dir, { recursive: true }));

const input = launchInput({ ClientToken: 'token', MaxCount: 2, UserData: 'aGVsbG8=' });

test('instances, tags, tokens and the ledger outlive a restart, and what was due meanwhile happens', async () => {
  const first = await startTestCloud({ stateFile });
  const launched = await first.ec2().send(new RunInstancesCommand(input));
  const [a = '', b = ''] = (launched.Instances ?? []).map(({ InstanceId }) => InstanceId ?? '');
  await first.ec2().send(new CreateTagsCommand({ Resources: [a], Tags: [{ Key: 'k', Value: 'v' }] }));
  await first.control.kill({ instanceIds: [b] });
  const ledger = await first.control.ledger();
  await first.stop();

  const second = await startTestCloud({ stateFile });
  expect(await second.control.ledger()).toEqual(ledger);
  second.clock.advance(1000);
  const Filters = [{ Name: 'tag:k', Values: ['v'] }];
  const seen = await second.ec2().send(new DescribeInstancesCommand({ Filters }));
  expect(seen.Reservations?.[0]).toMatchObject({
    ReservationId: launched.ReservationId,
    Instances: [{ InstanceId: a, State: { Name: 'running' } }],
  });
  const replayed = await second.ec2().send(new RunInstancesCommand(input));
  expect(replayed.Instances?.map(({ InstanceId }) => InstanceId)).toEqual([a, b]);
  const other = second.ec2().send(new RunInstancesCommand({ ...input, MaxCount: 3 }));
  expect((await failureOf(other)).name).toBe('IdempotentParameterMismatch');

  const fresh = await second.ec2().send(new RunInstancesCommand(launchInput()));
  const addresses = (await second.control.instances()).map(({ publicAddress }) => publicAddress);
  expect(new Set(addresses).size).toBe(3);
  const all = await second.ec2().send(new DescribeInstancesCommand({}));
  expect(all.Reservations?.at(-1)?.ReservationId).toBe(fresh.ReservationId);
  await second.stop();
});

test('a kill without warning costs at most the last moment, and a torn line nothing', async () => {
  const first = await startTestCloud({ stateFile });
  await first.ec2().send(new RunInstancesCommand(input));
  first.clock.advance(1000);
  await until(async () => (await readFile(stateFile, 'utf8')).includes('"event":"running"'));
  const asKilled = join(dir, 'as-killed.jsonl');
  await writeFile(asKilled, `${await readFile(stateFile, 'utf8')}{"kind":"instance","inst`);
  await first.stop();

  const second = await startTestCloud({ stateFile: asKilled });
  expect((await second.control.instances()).map(({ state }) => state)).toEqual(['running', 'running']);
  await second.stop();
});

test('agents go on with the session they had', async () => {
  const plane = await startFakeControlPlane();
  const first = await startTestCloud({ stateFile, settings: { bootMs: 0 } });
  plane.answer = () => ({
    status: 200,
    body: {
      relayId: 'rly_1',
      sessionSecret: 'rs_1',
      heartbeatSeconds: 10,
      leaseExpiresAt: new Date(first.clock.now() + 60_000).toISOString(),
    },
  });
  await first.ec2().send(new RunInstancesCommand(launchInput({ UserData: agentUserData(plane.url) })));
  first.clock.advance(0);
  await until(async () => (await first.control.instances()).every(({ agent }) => agent !== null));
  await first.stop();

  const second = await startTestCloud({ stateFile });
  second.clock.advance(0);
  await until(() => plane.requests.length === 2);
  expect(plane.requests[1]).toMatchObject({
    path: '/api/v1/relays/rly_1/heartbeat',
    authorization: 'Bearer rs_1',
  });
  await second.stop();
  await plane.stop();
});

test('a reset empties the file too', async () => {
  const first = await startTestCloud({ stateFile });
  await first.ec2().send(new RunInstancesCommand(input));
  await first.control.reset();
  await first.stop();
  const second = await startTestCloud({ stateFile });
  expect(await second.control.instances()).toEqual([]);
  expect((await second.control.ledger()).records).toEqual([]);
  await second.stop();
});
