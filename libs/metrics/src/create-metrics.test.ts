import { describe, expect, test } from '@jest/globals';
import {
  AWS_OPERATIONS,
  CATALOGUE,
  createMetrics,
  JOB_NAMES,
  type MetricsOptions,
  RETRY_REASONS,
  Registry,
  seriesBound,
} from './index.js';

const REGIONS = ['us-east-1', 'eu-west-1'];
const ROUTES = [
  { method: 'GET', route: '/api/v1/relays' },
  { method: 'POST', route: '/api/v1/relays' },
  { method: 'GET', route: '/api/v1/relays/{id}' },
  { method: 'GET', route: '/metrics' },
];

function setUp(extra: Partial<MetricsOptions> = {}) {
  const registry = new Registry();
  const options: MetricsOptions = {
    registry,
    app: 'jobs',
    version: '1.2.3',
    regions: REGIONS,
    instanceTypes: ['t3.micro'],
    httpRoutes: ROUTES,
    ...extra,
  };
  return { metrics: createMetrics(options), registry, options };
}

/** Samples by series, as `name{label="value",…}` with the labels in the page's order. */
async function samples(registry: Registry): Promise<Map<string, number>> {
  const page = await registry.metrics();
  const lines = page.split('\n').filter((line) => line.startsWith('aegis_'));
  return new Map(
    lines.map((line) => {
      const cut = line.lastIndexOf(' ');
      return [line.slice(0, cut), Number(line.slice(cut + 1))];
    }),
  );
}

describe('at start-up', () => {
  test('every known series of the contract is there at 0', async () => {
    const { registry } = setUp();
    const page = await samples(registry);
    const expected = [
      ...REGIONS.flatMap((region) => [
        ...['ok', 'error', 'cancelled'].flatMap((status) => [
          `aegis_relay_provision_total{provider="ec2",region="${region}",status="${status}"}`,
          `aegis_relay_provision_latency_ms_bucket{le="15000",provider="ec2",region="${region}",status="${status}"}`,
          `aegis_relay_provision_latency_ms_count{provider="ec2",region="${region}",status="${status}"}`,
        ]),
        ...['ok', 'error', 'ignored'].flatMap((status) => [
          `aegis_relay_deprovision_total{provider="ec2",region="${region}",status="${status}"}`,
          `aegis_relay_deprovision_latency_ms_sum{provider="ec2",region="${region}",status="${status}"}`,
        ]),
        ...AWS_OPERATIONS.flatMap((op) => [
          ...['ok', 'error', ...(op === 'terminate_instances' ? ['ignored'] : [])].flatMap((status) => [
            `aegis_aws_operations_total{op="${op}",region="${region}",status="${status}"}`,
            `aegis_aws_operation_latency_ms_bucket{le="+Inf",op="${op}",region="${region}",status="${status}"}`,
          ]),
          ...RETRY_REASONS.map((reason) => `aegis_aws_retries_total{op="${op}",region="${region}",reason="${reason}"}`),
          `aegis_aws_retry_exhausted_total{op="${op}",region="${region}"}`,
        ]),
      ]),
      ...JOB_NAMES.flatMap((job) => [
        `aegis_job_runs_total{job="${job}",status="ok"}`,
        `aegis_job_runs_total{job="${job}",status="error"}`,
        `aegis_job_duration_ms_count{job="${job}"}`,
      ]),
    ];
    expect(expected.filter((series) => page.get(series) !== 0)).toEqual([]);
  });

  test('every family has at least one series, all 0 but the build', async () => {
    const { registry } = setUp();
    const page = await samples(registry);
    for (const name of Object.keys(CATALOGUE)) {
      expect([...page.keys()].some((series) => series.startsWith(name))).toBe(true);
    }
    const counted = [...page].filter(([, value]) => value !== 0).map(([series]) => series);
    expect(counted).toEqual([`aegis_build_info{app="jobs",version="1.2.3",node_version="${process.version}"}`]);
  });

  test('each route has every status code, so the first 500 of a route is seen', async () => {
    const page = await samples(setUp().registry);
    for (const { method, route } of [...ROUTES, { method: 'other', route: 'other' }]) {
      expect(page.get(`aegis_http_requests_total{method="${method}",route="${route}",code="500"}`)).toBe(0);
    }
    expect([...page.keys()].some((series) => series.includes('method="POST",route="/metrics"'))).toBe(false);
  });
});

describe('recording', () => {
  test('each method lands in its families', async () => {
    const { metrics, registry } = setUp();
    const region = 'eu-west-1';
    metrics.relayProvisioned({ region, status: 'ok', latencyMs: 14_000 });
    metrics.relayDeprovisioned({ region, status: 'ignored', latencyMs: 2_000 });
    metrics.relayEnded({ region, reason: 'lease_expired' });
    metrics.jobRun({ job: 'relay_launch', status: 'error', durationMs: 12 });
    metrics.awsOperation({ op: 'terminate_instances', region, status: 'ignored', latencyMs: 40 });
    metrics.awsRetry({ op: 'run_instances', region, reason: 'throttled' });
    metrics.awsRetryExhausted({ op: 'run_instances', region });
    metrics.capacityAttempt({ region, instanceType: 't3.micro', market: 'spot', outcome: 'no_capacity' });
    metrics.warmPoolClaim({ region, outcome: 'hit' });
    metrics.orphansFound({ region, count: 3 });
    metrics.orphanTerminated({ region, livedSeconds: 90 });
    metrics.sweepSpared({ region, rule: 'grace', count: 2 });
    metrics.sweepHalted({ region });
    metrics.relaysLost({ region, count: 4 });
    metrics.relaysRebuilt({ region, count: 5 });
    metrics.httpRequest({ method: 'GET', route: '/api/v1/relays', code: 200, durationSeconds: 0.004 });
    metrics.httpRequest({ method: 'HEAD', route: '/api/v1/relays', code: 200 });
    metrics.httpStreamOpened();
    metrics.httpStreamOpened();
    metrics.httpStreamClosed();
    metrics.eventsDropped({ sink: 'sse', count: 7 });
    metrics.shuttingDown();
    const page = await samples(registry);
    const changed = Object.fromEntries(
      [...page].filter(([series, value]) => value !== 0 && !/_bucket|build_info/.test(series)),
    );
    expect(changed).toEqual({
      'aegis_relay_provision_total{provider="ec2",region="eu-west-1",status="ok"}': 1,
      'aegis_relay_provision_latency_ms_sum{provider="ec2",region="eu-west-1",status="ok"}': 14_000,
      'aegis_relay_provision_latency_ms_count{provider="ec2",region="eu-west-1",status="ok"}': 1,
      'aegis_relay_deprovision_total{provider="ec2",region="eu-west-1",status="ignored"}': 1,
      'aegis_relay_deprovision_latency_ms_sum{provider="ec2",region="eu-west-1",status="ignored"}': 2_000,
      'aegis_relay_deprovision_latency_ms_count{provider="ec2",region="eu-west-1",status="ignored"}': 1,
      'aegis_relays_ended_total{region="eu-west-1",reason="lease_expired"}': 1,
      'aegis_job_runs_total{job="relay_launch",status="error"}': 1,
      'aegis_job_duration_ms_sum{job="relay_launch"}': 12,
      'aegis_job_duration_ms_count{job="relay_launch"}': 1,
      'aegis_aws_operations_total{op="terminate_instances",region="eu-west-1",status="ignored"}': 1,
      'aegis_aws_operation_latency_ms_sum{op="terminate_instances",region="eu-west-1",status="ignored"}': 40,
      'aegis_aws_operation_latency_ms_count{op="terminate_instances",region="eu-west-1",status="ignored"}': 1,
      'aegis_aws_retries_total{op="run_instances",region="eu-west-1",reason="throttled"}': 1,
      'aegis_aws_retry_exhausted_total{op="run_instances",region="eu-west-1"}': 1,
      'aegis_capacity_attempts_total{region="eu-west-1",instance_type="t3.micro",market="spot",outcome="no_capacity"}': 1,
      'aegis_warm_pool_claims_total{region="eu-west-1",outcome="hit"}': 1,
      'aegis_sweep_orphans_found_total{region="eu-west-1"}': 3,
      'aegis_sweep_orphans_terminated_total{region="eu-west-1"}': 1,
      'aegis_sweep_orphan_lived_seconds_sum{region="eu-west-1"}': 90,
      'aegis_sweep_orphan_lived_seconds_count{region="eu-west-1"}': 1,
      'aegis_sweep_spared_total{region="eu-west-1",rule="grace"}': 2,
      'aegis_sweep_halts_total{region="eu-west-1"}': 1,
      'aegis_sweep_relays_lost_total{region="eu-west-1"}': 4,
      'aegis_sweep_relays_rebuilt_total{region="eu-west-1"}': 5,
      'aegis_http_requests_total{method="GET",route="/api/v1/relays",code="200"}': 2,
      'aegis_http_request_duration_seconds_sum{method="GET",route="/api/v1/relays"}': 0.004,
      'aegis_http_request_duration_seconds_count{method="GET",route="/api/v1/relays"}': 1,
      aegis_http_streams: 1,
      'aegis_events_dropped_total{sink="sse"}': 7,
      aegis_shutting_down: 1,
    });
  });

  test('a provision of just 15 s is inside the 15000 ms bucket, one a millisecond slower is not', async () => {
    const { metrics, registry } = setUp();
    metrics.relayProvisioned({ region: 'us-east-1', status: 'ok', latencyMs: 15_000 });
    metrics.relayProvisioned({ region: 'us-east-1', status: 'ok', latencyMs: 15_001 });
    const page = await samples(registry);
    const bucket = 'aegis_relay_provision_latency_ms_bucket{le="15000",provider="ec2",region="us-east-1",status="ok"}';
    expect(page.get(bucket)).toBe(1);
  });

  test.each([Number.NaN, -5, Number.POSITIVE_INFINITY])('a duration of %p spoils nothing', async (latencyMs) => {
    const { metrics, registry } = setUp();
    metrics.relayProvisioned({ region: 'us-east-1', status: 'ok', latencyMs });
    const page = await samples(registry);
    const labels = '{provider="ec2",region="us-east-1",status="ok"}';
    expect(page.get(`aegis_relay_provision_latency_ms_sum${labels}`)).toBe(0);
    expect(page.get(`aegis_relay_provision_latency_ms_count${labels}`)).toBe(1);
  });
});

describe('hostile label values', () => {
  const HOSTILE = [
    'us-east-1"} 1\naegis_fake 1',
    'rly_use1_0123456789abcdef',
    '203.0.113.9',
    'UnauthorizedOperation: You are not authorized',
    '__proto__',
    'constructor',
    '',
    'é'.repeat(10_000),
    ...Array.from({ length: 300 }, (_, index) => `value-${index}`),
  ];

  test('the series stay within the computed bound and every unknown value counts under other', async () => {
    const { metrics, registry, options } = setUp({
      inventorySource: async () =>
        HOSTILE.map((region) => ({ region, counts: { active: 1, [region]: 1 }, oldestPendingAt: 1, openIntents: 1 })),
    });
    for (const [index, value] of HOSTILE.entries()) recordHostile(metrics, value, index);
    await metrics.collectInventory();
    const page = await samples(registry);
    const bound = seriesBound(options);
    expect(page.size).toBeLessThanOrEqual(bound.total);
    for (const [name, limit] of Object.entries(bound.byFamily)) {
      const own = [...page.keys()].filter((series) => {
        const family = series.replace(/\{.*/s, '');
        return family === name || family.replace(/_(bucket|sum|count)$/, '') === name;
      });
      expect({ name, within: own.length <= limit }).toEqual({ name, within: true });
    }
    expect([...page.keys()].filter((series) => /value-|rly_|203\.|proto|constructor|é|fake/.test(series))).toEqual([]);
    const n = HOSTILE.length;
    expect(page.get('aegis_aws_operations_total{op="other",region="other",status="other"}')).toBe(n);
    expect(page.get('aegis_job_runs_total{job="other",status="other"}')).toBe(n);
    expect(page.get('aegis_http_requests_total{method="other",route="other",code="other"}')).toBe(n);
    expect(page.get('aegis_relay_provision_total{provider="ec2",region="other",status="other"}')).toBe(n);
  });

  test('recording the same again makes no series at all', async () => {
    const { metrics, registry } = setUp();
    for (const [index, value] of HOSTILE.entries()) recordHostile(metrics, value, index);
    const before = (await samples(registry)).size;
    for (const [index, value] of [...HOSTILE].reverse().entries()) recordHostile(metrics, `${value}!`, index);
    expect((await samples(registry)).size).toBe(before);
  });

  function recordHostile(metrics: ReturnType<typeof setUp>['metrics'], value: string, index: number): void {
    // The types forbid these; what arrives at run time may not have read them.
    const any = value as never;
    metrics.relayProvisioned({ region: value, status: any, latencyMs: 1 });
    metrics.relayDeprovisioned({ region: value, status: any, latencyMs: 1 });
    metrics.relayEnded({ region: value, reason: value });
    metrics.jobRun({ job: value, status: any, durationMs: 1 });
    metrics.awsOperation({ op: value, region: value, status: any, latencyMs: 1 });
    metrics.awsRetry({ op: value, region: value, reason: any });
    metrics.awsRetryExhausted({ op: value, region: value });
    metrics.capacityAttempt({ region: value, instanceType: value, market: any, outcome: any });
    metrics.warmPoolClaim({ region: value, outcome: any });
    metrics.orphansFound({ region: value, count: 1 });
    metrics.orphanTerminated({ region: value, livedSeconds: 1 });
    metrics.sweepSpared({ region: value, rule: any, count: 1 });
    metrics.sweepHalted({ region: value });
    metrics.relaysLost({ region: value, count: 1 });
    metrics.relaysRebuilt({ region: value, count: 1 });
    metrics.httpRequest({ method: value, route: value, code: 1000 + index, durationSeconds: 1 });
    metrics.httpRequest({ method: 'GET', route: `/api/v1/relays/${value}`, code: 404, durationSeconds: 1 });
    metrics.eventsDropped({ sink: any, count: 1 });
  }
});
