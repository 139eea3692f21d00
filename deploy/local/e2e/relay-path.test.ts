// The whole path with real processes: REST call, Redis, BullMQ, AWS SDK, simulator, agent, and back.

import { createSimControl, type SimControl } from '@aegis/ec2-sim';
import { type Stack, startStack } from '@aegis/local-stack';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { callApi } from './api-call.js';
import { type RelayClient, relayClient } from './relay-client.js';

const CONTRACT = {
  aegis_relay_provision_total: 'counter',
  aegis_relay_provision_latency_ms: 'histogram',
  aegis_relay_deprovision_total: 'counter',
  aegis_relay_deprovision_latency_ms: 'histogram',
  aegis_job_runs_total: 'counter',
  aegis_job_duration_ms: 'histogram',
  aegis_aws_operations_total: 'counter',
  aegis_aws_operation_latency_ms: 'histogram',
  aegis_aws_retries_total: 'counter',
  aegis_aws_retry_exhausted_total: 'counter',
};

let stack: Stack;
let relays: RelayClient;
let sim: SimControl;

beforeAll(async () => {
  stack = await startStack();
  relays = relayClient(stack.apiUrl);
  sim = createSimControl(stack.sim.url);
}, 60_000);

afterAll(() => stack?.stop(), 30_000);

async function metrics(url: string): Promise<string> {
  const page = await fetch(`${url}/metrics`);
  expect(page.status).toBe(200);
  return page.text();
}

/** The sum of all series of a family whose labels contain the given text. */
function total(page: string, family: string, labels: string): number {
  return page
    .split('\n')
    .filter((line) => line.startsWith(`${family}{`) && line.includes(labels))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
}

test('both metrics pages show every contract family with all its series at 0 from start-up', async () => {
  for (const app of [...stack.api, ...stack.jobs]) {
    const page = await metrics(app.url);
    for (const [family, type] of Object.entries(CONTRACT)) expect(page).toContain(`# TYPE ${family} ${type}`);
    expect(page).toMatch(/^aegis_aws_retry_exhausted_total\{op="run_instances",region="us-east-1"\} 0$/m);
  }
});

test('a create reaches active with an address, a delete ends it and its instance', async () => {
  const { id, state } = await relays.create({ region: 'us-east-1', leaseSeconds: 600, labels: { purpose: 'trial' } });
  expect(state).toBe('pending');

  const active = await relays.becomes(id, 'active', 15_000);
  expect(active).toMatchObject({ region: 'us-east-1', reason: null });
  expect(active.address).toMatch(/^\d+(\.\d+){3}$/);
  const instanceId = active.instanceId ?? '';
  expect(await sim.instance(instanceId)).toMatchObject({ state: 'running', publicAddress: active.address });

  await relays.remove(id);
  expect(await relays.becomes(id, 'terminated', 20_000)).toMatchObject({ reason: 'requested' });
  expect((await sim.instance(instanceId)).state).toBe('terminated');
}, 45_000);

test('a lease that nobody renews ends the relay', async () => {
  const { id } = await relays.create({ leaseSeconds: 5 });
  await relays.becomes(id, 'active', 15_000);
  const ended = await relays.becomes(id, 'terminated', 25_000);
  expect(ended.reason).toBe('lease_expired');
  expect((await sim.instance(ended.instanceId ?? '')).state).toBe('terminated');
}, 60_000);

describe('50 creates at once', () => {
  let answers: Awaited<ReturnType<RelayClient['create']>>[];
  let callsBefore: number;

  beforeAll(async () => {
    callsBefore = (await sim.calls({ limit: 0 })).lastSeq;
    const request = { method: 'POST', body: { region: 'eu-west-1' } } as const;
    const created = await Promise.all(
      Array.from({ length: 50 }, () => callApi(`${stack.apiUrl}/api/v1/relays`, request)),
    );
    answers = await Promise.all(created.map(({ body: { id } }) => relays.becomes(id, 'active', 15_000)));
  }, 60_000);

  test('all become active with an instance each', () => {
    expect(new Set(answers.map(({ instanceId }) => instanceId)).size).toBe(50);
    expect(new Set(answers.map(({ address }) => address)).size).toBe(50);
  });

  test('take at most 4 RunInstances calls', async () => {
    const { calls } = await sim.calls({ after: callsBefore, operation: 'RunInstances' });
    expect(calls.length).toBeGreaterThan(0);
    expect(calls.length).toBeLessThanOrEqual(4);
  });

  test('launch 50 instances and no more, by the ledger', async () => {
    const { records } = await sim.ledger({ region: 'eu-west-1', event: 'launched', limit: 1_000 });
    expect(records.map(({ instanceId }) => instanceId).toSorted()).toEqual(
      answers.map(({ instanceId }) => instanceId).toSorted(),
    );
  });
});

test('the pages have counted all of it, each thing once', async () => {
  const pages = await Promise.all([...stack.api, ...stack.jobs].map(({ url }) => metrics(url)));
  const counted = (family: string, labels: string): number =>
    pages.reduce((sum, page) => sum + total(page, family, labels), 0);
  expect(counted('aegis_relay_provision_total', 'status="ok"')).toBe(52);
  expect(counted('aegis_relay_provision_latency_ms_count', 'status="ok"')).toBe(52);
  expect(counted('aegis_relay_deprovision_total', 'status="ok"')).toBe(2);
  expect(counted('aegis_relay_provision_total', 'status="error"')).toBe(0);
  expect(counted('aegis_aws_operations_total', 'status="error"')).toBe(0);
  const counts = await sim.counts();
  for (const region of ['us-east-1', 'eu-west-1']) {
    expect(counted('aegis_aws_operations_total', `op="run_instances",region="${region}",status="ok"`)).toBe(
      counts[region]?.RunInstances?.ok,
    );
  }
  expect(counted('aegis_job_runs_total', 'job="relay_launch",status="ok"')).toBeGreaterThan(0);
  expect(counted('aegis_job_runs_total', 'status="error"')).toBe(0);
});
