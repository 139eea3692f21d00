import { CreateTagsCommand, DescribeInstancesCommand, RunInstancesCommand } from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { launchInput, startTestCloud, type TestCloud } from '../testing/test-cloud.js';

let cloud: TestCloud;
beforeAll(async () => {
  cloud = await startTestCloud({ settings: { bootMs: 500 } });
});
beforeEach(() => cloud.control.reset());
afterAll(() => cloud.stop());

async function launch(count = 1, tags: Record<string, string> = {}): Promise<string[]> {
  const Tags = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
  const TagSpecifications = Tags.length === 0 ? [] : [{ ResourceType: 'instance' as const, Tags }];
  const input = launchInput({ MaxCount: count, ClientToken: 'token', TagSpecifications });
  const answer = await cloud.ec2().send(new RunInstancesCommand(input));
  return (answer.Instances ?? []).map((instance) => instance.InstanceId ?? '');
}

describe('the ledger', () => {
  test('tells what happened to each instance, with its tags of that moment', async () => {
    const [id = ''] = await launch(1, { a: '1' });
    cloud.clock.advance(500);
    await cloud.ec2().send(new CreateTagsCommand({ Resources: [id], Tags: [{ Key: 'a', Value: '2' }] }));
    await cloud.control.terminateOutside([id]);
    cloud.clock.advance(200);
    const { records, lastSeq } = await cloud.control.ledger();
    expect(records.map(({ event, cause, tags }) => [event, cause, tags])).toEqual([
      ['launched', 'api', { a: '1' }],
      ['running', 'api', { a: '1' }],
      ['shutting-down', 'outside', { a: '2' }],
      ['terminated', 'outside', { a: '2' }],
    ]);
    expect(records[1]).toMatchObject({ region: 'us-east-1', clientToken: 'token', launchIndex: 0 });
    expect((records[1]?.at ?? 0) - (records[0]?.at ?? 0)).toBe(500);
    expect(lastSeq).toBe(records.at(-1)?.seq);
  });

  test('is read on from where a reader stopped', async () => {
    await launch(3);
    const first = await cloud.control.ledger({ limit: 2 });
    const rest = await cloud.control.ledger({ after: first.records.at(-1)?.seq ?? 0 });
    expect([...first.records, ...rest.records].map(({ launchIndex }) => launchIndex)).toEqual([0, 1, 2]);
    expect((await cloud.control.ledger({ event: 'running' })).records).toEqual([]);
  });
});

describe('the state', () => {
  test('shows instances by region and state, or counts alone', async () => {
    const ids = await launch(2);
    await cloud.control.kill({ instanceIds: ids.slice(1) });
    const state = await cloud.control.state({ region: 'us-east-1', state: 'pending' });
    expect(state.regions['us-east-1']?.instances.map(({ id }) => id)).toEqual(ids.slice(0, 1));
    const counts = await cloud.control.state({ instances: false });
    expect(counts.regions['us-east-1']?.instances).toEqual([]);
    expect(counts.regions['us-east-1']?.counts).toMatchObject({ pending: 1, terminated: 1 });
  });

  test('forgets terminated instances when told to', async () => {
    const ids = await launch(2);
    await cloud.control.kill({ instanceIds: ids });
    expect(await cloud.control.purge()).toBe(2);
    expect(await cloud.control.instances()).toEqual([]);
  });
});

describe('seeds', () => {
  test('are running instances with the given tags and launch indexes, found like any other', async () => {
    const { launches } = await cloud.control.seed({
      region: 'eu-west-1',
      launches: [
        { count: 2, tags: { deployment: 'd', intent: 'one' }, clientToken: 'one' },
        { count: 1, tags: { deployment: 'd', intent: 'two' } },
      ],
    });
    const Filters = [{ Name: 'tag:intent', Values: ['one'] }];
    const seen = await cloud.ec2('eu-west-1').send(new DescribeInstancesCommand({ Filters }));
    expect(seen.Reservations?.[0]?.Instances).toMatchObject([
      { InstanceId: launches[0]?.instanceIds[0], AmiLaunchIndex: 0, ClientToken: 'one', State: { Name: 'running' } },
      { InstanceId: launches[0]?.instanceIds[1], AmiLaunchIndex: 1, PublicIpAddress: expect.any(String) },
    ]);
    const { records } = await cloud.control.ledger({ region: 'eu-west-1', event: 'running' });
    expect(records.map(({ cause }) => cause)).toEqual(['outside', 'outside', 'outside']);
  });

  test('of twenty thousand are listed by pages in reasonable time', async () => {
    await cloud.control.changeSettings({ throttle: false });
    const launches = Array.from({ length: 20 }, (_, n) => ({ count: 1000, tags: { d: 'd', intent: `i${n}` } }));
    await cloud.control.seed({ region: 'us-east-1', launches });
    const started = performance.now();
    const Filters = [{ Name: 'tag:intent', Values: ['i7'] }];
    for (let n = 0; n < 3; n += 1) {
      const seen = await cloud.ec2().send(new DescribeInstancesCommand({ Filters, MaxResults: 5 }));
      expect(seen.NextToken).toBeDefined();
    }
    expect(performance.now() - started).toBeLessThan(2000);
  });
});

describe('settings', () => {
  test('change one by one, and a reset puts them back', async () => {
    expect(await cloud.control.changeSettings({ shutdownMs: 7 })).toMatchObject({ shutdownMs: 7, bootMs: 500 });
    await cloud.control.reset();
    expect(await cloud.control.settings()).toMatchObject({ shutdownMs: 200, bootMs: 500 });
  });

  test('show capacity and quotas', async () => {
    await cloud.control.setCapacity({ instanceType: 't3.micro', limit: 4 });
    await cloud.control.setCapacity({ instanceType: 't3.micro', limit: 5 });
    await cloud.control.setQuota({ vcpus: 8 });
    expect(await cloud.control.capacity()).toEqual({
      limits: [{ instanceType: 't3.micro', limit: 5, code: 'InsufficientInstanceCapacity' }],
      quotas: [{ vcpus: 8 }],
    });
  });
});

describe('a bad control call', () => {
  const call = async (path: string, init: RequestInit = {}) => {
    const answer = await fetch(`${cloud.sim.url}/_sim/${path}`, init);
    return [answer.status, ((await answer.json()) as { error: string }).error];
  };

  test.each([
    ['nothing', {}, 404, /no control call/],
    ['state', { method: 'POST' }, 405, /not allowed/],
    ['faults', { method: 'POST', body: '{' }, 400, /not JSON/],
    ['faults', { method: 'POST', body: '{"kind":{"type":"melt"}}' }, 400, /kind.type/],
    ['settings', { method: 'PATCH', body: '{"colour":1}' }, 400, /colour/],
    ['instances/i-0fffffffffffffff0', {}, 404, /no instance/],
    ['instances/kill', { method: 'POST', body: '{"instanceIds":["i-1"]}' }, 404, /no instance/],
    ['ledger?after=x', {}, 400, /after/],
    ['seed', { method: 'POST', body: '{"region":"mars","launches":[]}' }, 400, /unknown region/],
  ])('%s %j answers %i', async (path, init, status, message) => {
    expect(await call(path, init)).toEqual([status, expect.stringMatching(message)]);
  });
});
