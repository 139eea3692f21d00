import { describe, expect, test } from '@jest/globals';
import {
  answerXml,
  described,
  launched,
  refusal,
  type StubCall,
  type StubInstance,
  terminated,
  values,
} from '../testing/stub-ec2.js';
import { launchRequest, REGION, useStubEc2 } from '../testing/stub-setup.js';
import { CloudError } from './cloud-error.js';
import type { InstanceView } from './cloud-provider.js';
import { buildLaunchTags } from './launch-tags.js';

const bench = useStubEc2();

function instanceId(n: number): string {
  return `i-${n.toString(16).padStart(17, '0')}`;
}

const BATCH = [
  { id: 'rly_euw1_aaaaaaaaaaaaaaaa', tenant: 'acme' },
  { id: 'rly_euw1_bbbbbbbbbbbbbbbb', tenant: '' },
];
const BATCH_TAGS = Object.fromEntries(
  buildLaunchTags({ deploymentId: 'test', intentId: 'int_euw1_1', relays: BATCH }).map(({ key, value }) => [
    key,
    value,
  ]),
);

describe('launch', () => {
  test('sends the whole request in one call', async () => {
    bench.stub.answer(launched({ id: instanceId(1) }));
    await bench.provider().launch(REGION, launchRequest(3, { instanceProfile: 'relay' }));
    const params = Object.fromEntries(bench.stub.calls[0]?.params ?? []);
    expect(params).toMatchObject({
      Action: 'RunInstances',
      ClientToken: 'int_euw1_0000000000000001',
      MinCount: '1',
      MaxCount: '3',
      ImageId: 'ami-1',
      InstanceType: 't3.micro',
      InstanceInitiatedShutdownBehavior: 'terminate',
      'MetadataOptions.HttpTokens': 'required',
      'MetadataOptions.HttpPutResponseHopLimit': '2',
      'NetworkInterface.1.DeviceIndex': '0',
      'NetworkInterface.1.SubnetId': 'subnet-1',
      'NetworkInterface.1.AssociatePublicIpAddress': 'true',
      'NetworkInterface.1.SecurityGroupId.1': 'sg-1',
      'NetworkInterface.1.SecurityGroupId.2': 'sg-2',
      'IamInstanceProfile.Name': 'relay',
      'TagSpecification.1.ResourceType': 'instance',
      'TagSpecification.1.Tag.1.Key': 'aegis:deployment',
      'TagSpecification.2.ResourceType': 'volume',
      UserData: Buffer.from('#cloud-config\n{}\n').toString('base64'),
    });
  });

  test('answers with the instances by their place in the batch, and whose they are', async () => {
    bench.stub.answer(
      launched(
        { id: instanceId(2), index: 1, tags: BATCH_TAGS, state: 'running', address: '198.51.100.7' },
        { id: instanceId(1), index: 0, tags: BATCH_TAGS, spot: true },
      ),
    );
    const result = await bench.provider().launch(REGION, launchRequest(3));
    const common = {
      instanceType: 't3.micro',
      intentId: 'int_euw1_1',
      launchTime: Date.UTC(2026, 0, 2, 3, 4, 5),
      stateReason: null,
      tags: { 'aegis:deployment': 'test', 'aegis:intent': 'int_euw1_1', Name: 'aegis-relay' },
    };
    expect(result).toEqual({
      requestId: 'req-1',
      instances: [
        {
          ...common,
          instanceId: instanceId(1),
          state: 'pending',
          address: null,
          launchIndex: 0,
          lifecycle: 'spot',
          relay: { shortId: 'aaaaaaaaaaaaaaaa', tenant: 'acme' },
        },
        {
          ...common,
          instanceId: instanceId(2),
          state: 'running',
          address: '198.51.100.7',
          launchIndex: 1,
          lifecycle: 'on_demand',
          relay: { shortId: 'bbbbbbbbbbbbbbbb', tenant: '' },
        },
      ],
    });
  });

  test('knows how many instances it may still ask for', async () => {
    bench.stub.answer(launched({ id: instanceId(1) }, { id: instanceId(2), index: 1 }));
    const provider = bench.provider({ clock: { now: () => 0 } });
    await provider.launch(REGION, launchRequest(400));
    // Two of the 400 came; the others were never started.
    expect(provider.launchAllowance(REGION)).toEqual({ instances: 998, waitMs: 0 });
    bench.stub.answer(refusal(400, 'InstanceLimitExceeded'));
    await expect(provider.launch(REGION, launchRequest(400))).rejects.toBeInstanceOf(CloudError);
    expect(provider.launchAllowance(REGION).instances).toBe(998);
    bench.stub.answer(refusal(503, 'RequestLimitExceeded'));
    await expect(provider.launch(REGION, launchRequest(1))).rejects.toBeInstanceOf(CloudError);
    expect(provider.launchAllowance(REGION).waitMs).toBe(750);
    expect(bench.provider({ throttleBudget: 'off' }).launchAllowance(REGION).instances).toBe(Number.POSITIVE_INFINITY);
  });

  test('waits for the throttle rather than running into it', async () => {
    let time = 0;
    const waits: number[] = [];
    const sleep = async (ms: number) => {
      waits.push(ms);
      time += ms;
    };
    bench.stub.answer(launched({ id: instanceId(1) }));
    const provider = bench.provider({ clock: { now: () => time }, sleep });
    for (let i = 0; i < 7; i += 1) await provider.launch(REGION, launchRequest());
    // The first wait reckons with AWS hearing of the first calls a little later than we made them.
    expect(waits).toEqual([750, 500]);
    expect(bench.observer.operations.every(({ latencyMs }) => latencyMs === 0)).toBe(true);
  });

  test('of a region nobody configured is a fault of the program', async () => {
    await expect(bench.provider().launch('mars-1', launchRequest())).rejects.toThrow(/Not a configured region: mars-1/);
  });
});

describe('listing', () => {
  test('reads all pages of the deployment', async () => {
    bench.stub.answer(
      described([{ id: instanceId(1) }, { id: instanceId(2) }], 'page-2'),
      described([], 'page-3'),
      described([{ id: instanceId(3) }]),
    );
    const found = await bench.provider().listDeploymentInstances(REGION, 'test', { states: ['pending', 'running'] });
    expect(found.map((view) => view.instanceId)).toEqual([1, 2, 3].map(instanceId));
    const [first, second, third] = bench.stub.calls.map(({ params }) => params);
    expect(Object.fromEntries(first ?? [])).toMatchObject({
      MaxResults: '1000',
      'Filter.1.Name': 'tag:aegis:deployment',
      'Filter.1.Value.1': 'test',
      'Filter.2.Name': 'instance-state-name',
      'Filter.2.Value.2': 'running',
    });
    expect([first?.get('NextToken'), second?.get('NextToken'), third?.get('NextToken')]).toEqual([
      null,
      'page-2',
      'page-3',
    ]);
  });

  test('is all pages or an error', async () => {
    bench.stub.answer(described([{ id: instanceId(1) }], 'page-2'), refusal(403, 'UnauthorizedOperation'));
    await expect(bench.provider().listDeploymentInstances(REGION, 'test')).rejects.toMatchObject({
      op: 'describe_instances',
      region: REGION,
      failure: { kind: 'unauthorized' },
    });
  });

  test('page by page throws where a page is missing', async () => {
    bench.stub.answer(described([{ id: instanceId(1) }], 'page-2'), refusal(400, 'InvalidNextToken'));
    const pages: InstanceView[][] = [];
    const read = async () => {
      for await (const page of bench.provider().deploymentPages(REGION, 'test')) pages.push(page);
    };
    await expect(read()).rejects.toBeInstanceOf(CloudError);
    expect(pages.length).toBe(1);
  });

  test('shows states, reasons and addresses as EC2 tells them', async () => {
    bench.stub.answer(
      described([
        { id: instanceId(1), state: 'terminated', reason: 'Server.SpotInstanceTermination', address: '' },
        { id: instanceId(2), state: 'shutting-down' },
        { id: instanceId(3), state: 'something-new' },
      ]),
    );
    const found = await bench.provider().listDeploymentInstances(REGION, 'test');
    expect(found.map(({ state, stateReason, address }) => [state, stateReason, address])).toEqual([
      ['terminated', 'Server.SpotInstanceTermination', null],
      ['shutting-down', null, null],
      ['pending', null, null],
    ]);
  });

  test('trusts no instance’s tags for another’s', async () => {
    const edited = { ...BATCH_TAGS, 'aegis:relays:00': 'cccccccccccccccc.dddddddddddddddd' };
    const { 'aegis:tenants:00': _lost, ...damaged } = BATCH_TAGS;
    bench.stub.answer(
      described([
        { id: instanceId(1), index: 1, tags: BATCH_TAGS },
        { id: instanceId(2), index: 1, tags: edited },
        { id: instanceId(3), index: 1, tags: damaged },
        { id: instanceId(4), index: 2, tags: BATCH_TAGS },
        { id: instanceId(5), index: 0, tags: BATCH_TAGS },
      ]),
    );
    const found = await bench.provider().listDeploymentInstances(REGION, 'test');
    expect(found.map(({ relay }) => relay?.shortId ?? null)).toEqual([
      'bbbbbbbbbbbbbbbb',
      'dddddddddddddddd',
      null,
      null,
      'aaaaaaaaaaaaaaaa',
    ]);
  });

  test('by ids asks through a filter, 200 at a time, so that an unknown one is just not there', async () => {
    const known = new Map<string, StubInstance>([1, 199, 450].map((n) => [instanceId(n), { id: instanceId(n) }]));
    bench.stub.answer(({ params }: StubCall) =>
      described(values(params, 'Filter.1.Value').flatMap((id) => known.get(id) ?? [])),
    );
    const ids = Array.from({ length: 450 }, (_, i) => instanceId(i + 1));
    const found = await bench.provider().describeByIds(REGION, [...ids, instanceId(1)]);
    expect(found.map((view) => view.instanceId)).toEqual([1, 199, 450].map(instanceId));
    expect(bench.stub.calls.map(({ params }) => values(params, 'Filter.1.Value').length)).toEqual([200, 200, 50]);
    expect(bench.stub.calls.every(({ params }) => params.get('Filter.1.Name') === 'instance-id')).toBe(true);
  });

  test('by intents asks for this deployment’s, 200 at a time', async () => {
    bench.stub.answer(described([{ id: instanceId(1) }]));
    await bench.provider().describeByIntents(
      REGION,
      'test',
      Array.from({ length: 201 }, (_, i) => `int_${i}`),
    );
    const [first, second] = bench.stub.calls.map(({ params }) => params);
    expect(first?.get('Filter.1.Name')).toBe('tag:aegis:deployment');
    expect(first?.get('Filter.2.Name')).toBe('tag:aegis:intent');
    expect(values(first ?? new URLSearchParams(), 'Filter.2.Value').length).toBe(200);
    expect(values(second ?? new URLSearchParams(), 'Filter.2.Value')).toEqual(['int_200']);
  });

  test('of few launches are listed by them, and by id what that does not show', async () => {
    const launched = Array.from({ length: 450 }, (_, i) => ({ instanceId: instanceId(i), intentId: `int_${i % 2}` }));
    const known = launched.map((one) => ({ id: one.instanceId }));
    bench.stub.answer(({ params }: StubCall) => {
      // The first has lost its tags; the launch's last instance is nobody's here.
      if (params.get('Filter.2.Name') === 'tag:aegis:intent') {
        expect(values(params, 'Filter.2.Value')).toEqual(['int_0', 'int_1']);
        return described([...known.slice(1), { id: instanceId(900) }]);
      }
      expect([params.get('Filter.1.Name'), ...values(params, 'Filter.1.Value')]).toEqual([
        'instance-id',
        instanceId(0),
      ]);
      return described(known.slice(0, 1));
    });
    const found = await bench.provider().describeLaunched(REGION, 'test', launched);
    expect(new Set(found.map((view) => view.instanceId))).toEqual(new Set(launched.map((one) => one.instanceId)));
    expect(found).toHaveLength(450);
    expect(bench.stub.calls).toHaveLength(2);
  });

  test.each([
    ['few instances', Array.from({ length: 3 }, (_, i) => ({ instanceId: instanceId(i), intentId: 'int_1' })), 1],
    ['many launches', Array.from({ length: 450 }, (_, i) => ({ instanceId: instanceId(i), intentId: `int_${i}` })), 3],
    ['unknown launches', Array.from({ length: 450 }, (_, i) => ({ instanceId: instanceId(i), intentId: null })), 3],
  ])('of %s are listed by their ids', async (_, launched, calls) => {
    bench.stub.answer(described([]));
    await bench.provider().describeLaunched(REGION, 'test', launched);
    expect(bench.stub.calls.map(({ params }) => params.get('Filter.1.Name'))).toEqual(Array(calls).fill('instance-id'));
  });

  test('of nothing asks nothing', async () => {
    expect(await bench.provider().describeByIds(REGION, [])).toEqual([]);
    expect(await bench.provider().describeByIntents(REGION, 'test', [])).toEqual([]);
    expect(bench.stub.calls).toEqual([]);
  });
});

describe('terminate', () => {
  test('says what each instance was and is', async () => {
    bench.stub.answer(
      terminated({ id: instanceId(1), from: 'running' }, { id: instanceId(2), from: 'terminated', to: 'terminated' }),
    );
    expect(await bench.provider().terminate(REGION, [instanceId(1), instanceId(2)])).toEqual({
      changes: [
        { instanceId: instanceId(1), previousState: 'running', currentState: 'shutting-down', requestId: 'req-1' },
        { instanceId: instanceId(2), previousState: 'terminated', currentState: 'terminated', requestId: 'req-1' },
      ],
      missing: [],
      failures: [],
    });
  });

  test('sets the ids EC2 does not know aside and goes on with the rest', async () => {
    bench.stub.answer(
      refusal(400, 'InvalidInstanceID.NotFound', `The instance IDs '${instanceId(1)}, ${instanceId(3)}' do not exist`),
      refusal(400, 'InvalidInstanceID.NotFound', `The instance ID '${instanceId(4)}' does not exist`),
      terminated({ id: instanceId(2), from: 'running' }),
    );
    const result = await bench.provider().terminate(REGION, [1, 2, 3, 4].map(instanceId));
    expect(result.changes.map((change) => change.instanceId)).toEqual([instanceId(2)]);
    expect(result.missing).toEqual([1, 3, 4].map(instanceId));
    expect(result.failures).toEqual([]);
    expect(values(bench.stub.calls[2]?.params ?? new URLSearchParams(), 'InstanceId')).toEqual([instanceId(2)]);
  });

  test('does not go round in circles when EC2 names none of them', async () => {
    bench.stub.answer(refusal(400, 'InvalidInstanceID.NotFound', 'Something does not exist'));
    const result = await bench.provider().terminate(REGION, [instanceId(1)]);
    expect(result).toMatchObject({
      missing: [],
      failures: [{ instanceIds: [instanceId(1)], error: { failure: { kind: 'not_found' } } }],
    });
    expect(bench.stub.calls.length).toBe(1);
  });

  test('of thousands goes in calls of a thousand, and one that fails hides no other', async () => {
    bench.stub.answer(
      ({ params }) => terminated(...values(params, 'InstanceId').map((id) => ({ id, from: 'running' }))),
      refusal(403, 'UnauthorizedOperation'),
      ({ params }) => terminated(...values(params, 'InstanceId').map((id) => ({ id, from: 'running' }))),
    );
    const ids = Array.from({ length: 2500 }, (_, i) => instanceId(i));
    const result = await bench.provider({ throttleBudget: 'off' }).terminate(REGION, ids);
    expect(bench.stub.calls.map(({ params }) => values(params, 'InstanceId').length)).toEqual([1000, 1000, 500]);
    expect(result.changes.length).toBe(1500);
    expect(result.failures.map(({ instanceIds, error }) => [instanceIds.length, error.failure.kind])).toEqual([
      [1000, 'unauthorized'],
    ]);
  });

  test('names the instance that is protected', async () => {
    const message = `The instance '${instanceId(2)}' may not be terminated. Modify its 'disableApiTermination' instance attribute and try again.`;
    bench.stub.answer(refusal(400, 'OperationNotPermitted', message));
    const { failures } = await bench.provider().terminate(REGION, [instanceId(1), instanceId(2)]);
    expect(failures[0]?.error.failure).toMatchObject({ kind: 'not_permitted', instanceIds: [instanceId(2)] });
  });

  test('of nothing asks nothing', async () => {
    expect(await bench.provider().terminate(REGION, [])).toEqual({ changes: [], missing: [], failures: [] });
    expect(bench.stub.calls).toEqual([]);
  });
});

describe('tags', () => {
  test('are set, unknown instances aside', async () => {
    bench.stub.answer(
      refusal(400, 'InvalidInstanceID.NotFound', `The instance ID '${instanceId(1)}' does not exist`),
      answerXml('CreateTags', '<return>true</return>'),
    );
    const ids = [instanceId(1), instanceId(2)];
    expect(await bench.provider().setTags(REGION, ids, { 'aegis:tenant': 'acme' })).toEqual({
      tagged: [instanceId(2)],
      missing: [instanceId(1)],
      failures: [],
    });
    expect(Object.fromEntries(bench.stub.calls[1]?.params ?? [])).toMatchObject({
      Action: 'CreateTags',
      'ResourceId.1': instanceId(2),
      'Tag.1.Key': 'aegis:tenant',
      'Tag.1.Value': 'acme',
    });
  });
});

describe('connections', () => {
  test('are opened by the warm-up and then kept', async () => {
    bench.stub.answer(described([]));
    const provider = bench.provider();
    await provider.warmUp(REGION);
    bench.stub.answer(launched({ id: instanceId(1) }));
    for (let i = 0; i < 3; i += 1) await provider.launch(REGION, launchRequest());
    expect(bench.stub.connections()).toBe(1);
  });
});
