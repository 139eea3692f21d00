import {
  createSimControl,
  DEFAULT_IMAGE_IDS,
  DEFAULT_SECURITY_GROUP_IDS,
  DEFAULT_SUBNET_IDS,
  type Ec2Simulator,
  type SimControl,
  startEc2Simulator,
} from '@aegis/ec2-sim';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { RecordingObserver } from '../testing/recording-observer.js';
import type { AwsFailure } from './aws-failure.js';
import { CloudError } from './cloud-error.js';
import type { CloudProvider } from './cloud-provider.js';
import { createEc2Provider, type Ec2ProviderOptions } from './ec2-provider.js';
import { buildLaunchRequest, type LaunchPlan, type LaunchRequest } from './launch-request.js';
import { MAX_BATCH, TAG_KEYS } from './launch-tags.js';

const REGION = 'eu-west-1';
const OTHER_REGION = 'us-east-1';
const OPERATIONS: Record<string, string> = {
  run_instances: 'RunInstances',
  describe_instances: 'DescribeInstances',
  terminate_instances: 'TerminateInstances',
  create_tags: 'CreateTags',
};

let simulator: Ec2Simulator;
let sim: SimControl;
let observer: RecordingObserver;
const providers: CloudProvider[] = [];

beforeAll(async () => {
  simulator = await startEc2Simulator({
    regions: [REGION, OTHER_REGION],
    settings: { agents: false, bootMs: 0, shutdownMs: 0 },
  });
  sim = createSimControl(simulator.url);
});
afterAll(() => simulator.stop());

beforeEach(async () => {
  // The SDK multiplies its waits between attempts with this: no waits.
  jest.spyOn(Math, 'random').mockReturnValue(0);
  await sim.reset();
  observer = new RecordingObserver();
});
afterEach(() => {
  jest.restoreAllMocks();
  for (const provider of providers.splice(0)) provider.close();
});

function ec2(options: Partial<Ec2ProviderOptions> = {}): CloudProvider {
  const provider = createEc2Provider({
    regions: [REGION, OTHER_REGION],
    endpoint: simulator.url,
    credentials: { accessKeyId: 'AKIATEST', secretAccessKey: 'test' },
    observer,
    ...options,
  });
  providers.push(provider);
  return provider;
}

let intents = 0;
function request(relays: number, overrides: Partial<LaunchPlan> = {}): LaunchRequest {
  intents += 1;
  return buildLaunchRequest({
    deploymentId: 'test',
    intentId: `int_euw1_${String(intents).padStart(16, '0')}`,
    relays: Array.from({ length: relays }, (_, i) => ({
      id: `rly_euw1_${String(i).padStart(16, '0')}`,
      tenant: i % 3 === 0 ? '' : `tenant-${i % 5}`,
    })),
    offering: { instanceType: 't3.micro', subnetId: DEFAULT_SUBNET_IDS[0] ?? '', market: { type: 'on_demand' } },
    imageId: DEFAULT_IMAGE_IDS[0] ?? '',
    securityGroupIds: [...DEFAULT_SECURITY_GROUP_IDS],
    instanceProfile: 'relay',
    userData: '#cloud-config\nwrite_files: []\n',
    ...overrides,
  });
}

async function failureOf(call: Promise<unknown>): Promise<AwsFailure> {
  const error = await call.catch((reason: unknown) => reason);
  if (!(error instanceof CloudError)) throw new Error(`expected a CloudError, got ${String(error)}`);
  return error.failure;
}

function idsOf(instances: readonly { instanceId: string }[]): string[] {
  return instances.map((instance) => instance.instanceId);
}

/** Attempts EC2 saw, by operation, against what the observer was told. */
async function expectCountsToAgree(): Promise<void> {
  const seen: Record<string, number> = {};
  for (const operations of Object.values(await sim.counts())) {
    for (const [operation, outcomes] of Object.entries(operations)) {
      seen[operation] = (seen[operation] ?? 0) + Object.values(outcomes).reduce((sum, count) => sum + count, 0);
    }
  }
  const told: Record<string, number> = {};
  for (const { op } of [...observer.operations, ...observer.retries]) {
    const operation = OPERATIONS[op] ?? op;
    told[operation] = (told[operation] ?? 0) + 1;
  }
  expect(told).toEqual(seen);
}

describe('a batch', () => {
  test('of the largest size is launched, told apart, found again and ended in a handful of calls', async () => {
    const provider = ec2();
    const wanted = request(MAX_BATCH);
    const { instances } = await provider.launch(REGION, wanted);
    expect(instances.map((view) => view.launchIndex)).toEqual([...Array(MAX_BATCH).keys()]);
    for (const [i, view] of instances.entries()) {
      expect(view.relay).toEqual({
        shortId: String(i).padStart(16, '0'),
        tenant: i % 3 === 0 ? '' : `tenant-${i % 5}`,
      });
    }
    const found = await provider.describeByIntents(REGION, 'test', [wanted.clientToken]);
    expect(idsOf(found).sort()).toEqual(idsOf(instances).sort());
    expect(found.every((view) => view.state === 'running' && view.address !== null)).toBe(true);
    const { changes } = await provider.terminate(REGION, idsOf(instances));
    expect(changes.length).toBe(MAX_BATCH);
    expect(observer.statuses()).toEqual(['run_instances ok', 'describe_instances ok', 'terminate_instances ok']);
    await expectCountsToAgree();
  });

  test('has the settings that keep a forgotten machine from living on', async () => {
    const { instances } = await ec2().launch(REGION, request(1));
    expect(await sim.instance(instances[0]?.instanceId ?? '')).toMatchObject({
      shutdownBehavior: 'terminate',
      instanceProfile: expect.stringMatching(/\/relay$/),
      userData: '#cloud-config\nwrite_files: []\n',
      securityGroupIds: DEFAULT_SECURITY_GROUP_IDS,
      subnetId: DEFAULT_SUBNET_IDS[0],
    });
  });

  test('may come back smaller', async () => {
    await sim.setCapacity({ instanceType: 't3.micro', limit: 3 });
    const { instances } = await ec2().launch(REGION, request(5));
    expect(instances.map((view) => view.launchIndex)).toEqual([0, 1, 2]);
    expect(await failureOf(ec2().launch(REGION, request(5)))).toMatchObject({
      kind: 'capacity',
      outcome: 'nothing_happened',
    });
  });

  test('of spot machines says so', async () => {
    const market = { type: 'spot', maxPrice: null } as const;
    const subnetId = DEFAULT_SUBNET_IDS[1] ?? '';
    const { instances } = await ec2().launch(
      REGION,
      request(1, { offering: { instanceType: 't3.micro', subnetId, market } }),
    );
    expect(instances[0]?.lifecycle).toBe('spot');
  });

  test('over the quota is told apart from want of capacity', async () => {
    await sim.setQuota({ region: REGION, vcpus: 0 });
    expect(await failureOf(ec2().launch(REGION, request(1)))).toMatchObject({ kind: 'quota' });
  });
});

describe('the client token', () => {
  test('gives the same instances however often it is used', async () => {
    const provider = ec2();
    const wanted = request(3);
    const first = await provider.launch(REGION, wanted);
    const again = await provider.launch(REGION, JSON.parse(JSON.stringify(wanted)));
    expect(idsOf(again.instances)).toEqual(idsOf(first.instances));
    expect((await sim.instances()).length).toBe(3);
  });

  test.each(['cut', 'http', 'hang'] as const)('makes a lost answer (%s) harmless', async (type) => {
    const kind = type === 'http' ? { type, status: 503 } : { type };
    await sim.fault({ operation: 'RunInstances', effect: 'done', kind });
    const { instances } = await ec2({ attemptTimeoutMs: 500 }).launch(REGION, request(4));
    expect(instances.length).toBe(4);
    expect((await sim.instances()).length).toBe(4);
    expect(observer.retries.length).toBe(1);
    await expectCountsToAgree();
  });

  test('lets a caller who ran out of attempts ask again later', async () => {
    await sim.fault({ operation: 'RunInstances', effect: 'done', count: 2, kind: { type: 'cut' } });
    const provider = ec2({ maxAttempts: 2 });
    const wanted = request(2);
    expect(await failureOf(provider.launch(REGION, wanted))).toMatchObject({ kind: 'connection', outcome: 'unknown' });
    expect((await provider.launch(REGION, wanted)).instances.length).toBe(2);
    expect((await sim.instances()).length).toBe(2);
    expect(observer.exhausted).toEqual([{ op: 'run_instances', region: REGION }]);
  });

  test('with other parameters is a mismatch, after the end of its instances a known end', async () => {
    const provider = ec2();
    const wanted = request(1);
    const { instances } = await provider.launch(REGION, wanted);
    expect(await failureOf(provider.launch(REGION, { ...wanted, maxCount: 2 }))).toMatchObject({
      kind: 'idempotent_mismatch',
    });
    await provider.terminate(REGION, idsOf(instances));
    expect(await failureOf(provider.launch(REGION, wanted))).toMatchObject({ kind: 'idempotent_terminated' });
  });
});

describe('listing', () => {
  test('is complete over many pages, by deployment and state', async () => {
    const provider = ec2({ pageSize: 5 });
    const { instances } = await provider.launch(REGION, request(12));
    await provider.launch(REGION, request(2, { deploymentId: 'somebody-else' }));
    await provider.terminate(REGION, idsOf(instances).slice(0, 2));
    const all = await provider.listDeploymentInstances(REGION, 'test');
    expect(idsOf(all).sort()).toEqual(idsOf(instances).sort());
    const live = await provider.listDeploymentInstances(REGION, 'test', { states: ['pending', 'running'] });
    expect(live.length).toBe(10);
    expect(await provider.listDeploymentInstances(OTHER_REGION, 'test')).toEqual([]);
  });

  test('fails as a whole when one page does', async () => {
    const provider = ec2({ pageSize: 5, maxAttempts: 1 });
    await provider.launch(REGION, request(12));
    const pages = provider.deploymentPages(REGION, 'test')[Symbol.asyncIterator]();
    await pages.next();
    await sim.fault({ operation: 'DescribeInstances', kind: { type: 'http', status: 502 } });
    expect(await failureOf(pages.next())).toMatchObject({ kind: 'server' });
    await sim.fault({ operation: 'DescribeInstances', kind: { type: 'http', status: 502 } });
    expect(await failureOf(provider.listDeploymentInstances(REGION, 'test'))).toMatchObject({ kind: 'server' });
  });

  test('does not mind ids that EC2 does not know, or not yet', async () => {
    await sim.changeSettings({ visibilityMs: 60_000 });
    const provider = ec2();
    const { instances } = await provider.launch(REGION, request(1));
    expect(await provider.describeByIds(REGION, [...idsOf(instances), 'i-0123456789abcdef0'])).toEqual([]);
    await sim.changeSettings({ visibilityMs: 0 });
  });

  test('tells why an instance died', async () => {
    const provider = ec2();
    const { instances } = await provider.launch(REGION, request(1));
    await sim.kill({ instanceIds: idsOf(instances), code: 'Server.SpotInstanceTermination' });
    const [view] = await provider.describeByIds(REGION, idsOf(instances));
    expect(view).toMatchObject({ state: 'terminated', stateReason: 'Server.SpotInstanceTermination', address: null });
  });
});

describe('terminate', () => {
  test('ends those that exist and names those that do not', async () => {
    const provider = ec2();
    const { instances } = await provider.launch(REGION, request(2));
    const unknown = ['i-0123456789abcdef0', 'i-0123456789abcdef1'];
    const result = await provider.terminate(REGION, [unknown[0] ?? '', ...idsOf(instances), unknown[1] ?? '']);
    expect(result.changes.map((change) => change.instanceId).sort()).toEqual(idsOf(instances).sort());
    expect(result.missing.sort()).toEqual(unknown);
    expect(result.failures).toEqual([]);
    await provider.terminate(REGION, idsOf(instances));
    await provider.terminate(REGION, unknown);
    expect(observer.statuses().slice(1)).toEqual([
      'terminate_instances error',
      'terminate_instances ok',
      'terminate_instances ignored',
      'terminate_instances ignored',
    ]);
    await expectCountsToAgree();
  });

  test('refused with 403 for what no longer exists is told as such', async () => {
    await sim.changeSettings({ terminateUnknown: 'unauthorized' });
    const { failures } = await ec2().terminate(REGION, ['i-0123456789abcdef0']);
    expect(failures).toMatchObject([
      { instanceIds: ['i-0123456789abcdef0'], error: { failure: { kind: 'unauthorized' } } },
    ]);
    expect(observer.exhausted).toEqual([]);
  });

  test('of a protected instance names it', async () => {
    const provider = ec2();
    const { instances } = await provider.launch(REGION, request(2));
    const ids = idsOf(instances);
    await sim.protect(ids.slice(1));
    const { failures } = await provider.terminate(REGION, ids);
    expect(failures).toMatchObject([{ error: { failure: { kind: 'not_permitted', instanceIds: ids.slice(1) } } }]);
  });
});

describe('marks', () => {
  test('are set, unknown instances aside', async () => {
    const provider = ec2();
    const { instances } = await provider.launch(REGION, request(2));
    const ids = idsOf(instances);
    const result = await provider.setTags(REGION, [...ids, 'i-0123456789abcdef0'], { [TAG_KEYS.tenant]: 'acme' });
    expect(result).toEqual({ tagged: ids, missing: ['i-0123456789abcdef0'], failures: [] });
    const marked = await provider.describeByIds(REGION, ids);
    expect(marked.map((view) => view.tags[TAG_KEYS.tenant])).toEqual(['acme', 'acme']);
    // The mark does not get in the way of reading who the instance is.
    expect(marked.every((view) => view.relay !== null)).toBe(true);
  });
});

describe('throttling', () => {
  test('is avoided by our own view of the buckets', async () => {
    const provider = ec2();
    await Promise.all(Array.from({ length: 7 }, () => provider.launch(REGION, request(1))));
    const { RunInstances } = (await sim.counts())[REGION] ?? {};
    expect(RunInstances).toEqual({ ok: 7 });
    expect(observer.retries).toEqual([]);
  });

  test('is repeated and counted when that view is off', async () => {
    const provider = ec2({ throttleBudget: 'off', maxAttempts: 2 });
    const failures = await Promise.all(
      Array.from({ length: 9 }, () =>
        provider.launch(REGION, request(1)).then(
          () => null,
          (error: CloudError) => error,
        ),
      ),
    );
    const kinds = failures.flatMap((error) => error?.failure.kind ?? []);
    expect(kinds.length).toBeGreaterThan(0);
    expect(new Set(kinds)).toEqual(new Set(['throttled']));
    expect(new Set(observer.reasons())).toEqual(new Set(['throttled']));
    expect(observer.exhausted.length).toBe(kinds.length);
    await expectCountsToAgree();
  });
});

describe('trouble', () => {
  test('with credentials is not repeated', async () => {
    await sim.fault({ operation: '*', count: null, kind: { type: 'auth' } });
    expect(await failureOf(ec2().launch(REGION, request(1)))).toMatchObject({ kind: 'credentials' });
    expect(observer.retries).toEqual([]);
    expect(observer.exhausted).toEqual([]);
  });

  test('in one region leaves the other alone', async () => {
    await sim.fault({ operation: '*', region: REGION, count: null, kind: { type: 'hang' } });
    const provider = ec2({ maxSockets: 2 });
    const enough = new AbortController();
    const stuck = Promise.all(
      Array.from({ length: 4 }, () =>
        failureOf(provider.listDeploymentInstances(REGION, 'test', { signal: enough.signal })),
      ),
    );
    await provider.launch(OTHER_REGION, request(1));
    expect(observer.statuses()).toEqual(['run_instances ok']);
    enough.abort();
    expect(new Set((await stuck).map((failure) => failure.kind))).toEqual(new Set(['timeout']));
  });

  test('of all sorts is counted to the unit', async () => {
    const provider = ec2({ throttleBudget: 'off', attemptTimeoutMs: 200 });
    await sim.changeSettings({ throttle: false });
    const sorts = [
      { type: 'error', code: 'RequestLimitExceeded' },
      { type: 'error', code: 'InsufficientInstanceCapacity' },
      { type: 'error', code: 'UnauthorizedOperation' },
      { type: 'http', status: 500 },
      { type: 'cut' },
      { type: 'hang' },
    ] as const;
    for (const kind of sorts) {
      for (const [effect, count] of [
        ['none', 1],
        ['done', 1],
        ['none', 3],
      ] as const) {
        await sim.fault({ operation: '*', effect, count, kind });
        for (let i = 0; i < 3; i += 1) {
          const launched = await provider.launch(REGION, request(2)).catch(() => null);
          await provider.listDeploymentInstances(REGION, 'test').catch(() => null);
          await provider.terminate(REGION, idsOf(launched?.instances ?? []));
        }
      }
    }
    expect(observer.exhausted.length).toBeGreaterThan(0);
    expect(observer.operations.length).toBeGreaterThan(100);
    await expectCountsToAgree();
  });
});
