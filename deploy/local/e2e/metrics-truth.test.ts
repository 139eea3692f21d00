// Both metrics pages of a real stack against what clients, relays and the simulated EC2 know to have happened. The
// pages are on listeners of their own behind a token, as production would have them.

import { createSimControl, type SimControl } from '@aegis/ec2-sim';
import { freePort, type Stack, startStack } from '@aegis/local-stack';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { findProgram } from '../src/monitoring.js';
import { waitFor } from '../src/wait-for.js';
import { expectedAwsCounters } from './call-ledger.js';
import { nonZero, readPage, type Samples, type Tally } from './exposition.js';
import { faultMix } from './fault-mix.js';
import { contractSeries } from './known-series.js';
import { APPS, type App, type MetricsPages, metricsPages } from './metrics-pages.js';
import { driveMixedTraffic, type MixedTraffic } from './mixed-traffic.js';
import { EXPECTED_REMARKS, promtoolRemarks } from './promtool.js';
import { relayClient } from './relay-client.js';
import { expectedRelayCounters, type RelayStory, readStory } from './relay-stories.js';

const REGIONS = ['us-east-1', 'eu-west-1', 'ap-southeast-2'] as const;
const TOKEN = 'scrape-token-0123456789';
const OPERATIONS = 500;
const ALL = 100_000;
/** How many pages promtool looks at while the traffic goes on. */
const CHECKS = 6;

const AWS = [
  'aegis_aws_operations_total',
  'aegis_aws_operation_latency_ms_count',
  'aegis_aws_retries_total',
  'aegis_aws_retry_exhausted_total',
];
const RELAYS = [
  'aegis_relay_provision_total',
  'aegis_relay_provision_latency_ms_count',
  'aegis_relay_deprovision_total',
  'aegis_relay_deprovision_latency_ms_count',
  'aegis_relays_ended_total',
];

/** A CI that checks less than it says is a broken CI: there a missing program fails the test. */
const withPromtool = findProgram('promtool') !== null || process.env.CI ? test : test.skip;
const PROMTOOL_MISSING = 'skipped: promtool is not on PATH (apt-get install prometheus)\n';
if (withPromtool === test.skip) process.stderr.write(PROMTOOL_MISSING);

let stack: Stack;
let sim: SimControl;
let urls: Record<App, string>;
let pages: MetricsPages;
let atStart: Record<App, string>;

beforeAll(async () => {
  const ports = { api: await freePort(), jobs: await freePort() };
  urls = { api: `http://127.0.0.1:${ports.api}/metrics`, jobs: `http://127.0.0.1:${ports.jobs}/metrics` };
  pages = metricsPages(urls, TOKEN);
  stack = await startStack({
    env: {
      AEGIS_API_METRICS_PORT: String(ports.api),
      AEGIS_API_METRICS_BEARER_TOKEN: TOKEN,
      AEGIS_JOBS_METRICS_PORT: String(ports.jobs),
      AEGIS_JOBS_METRICS_BEARER_TOKEN: TOKEN,
      AEGIS_SWEEP_INTERVAL_SECONDS: '4',
    },
    simEnv: { AEGIS_SIM_BOOT_MS: '200' },
  });
  sim = createSimControl(stack.sim.url);
  atStart = { api: (await pages.scrape('api')).text, jobs: (await pages.scrape('jobs')).text };
}, 60_000);

afterAll(() => stack?.stop(), 30_000);

test.each(APPS)('the page of %s is on its own port, for those who hold the token', async (app) => {
  expect((await fetch(`${stack[app][0]?.url}/metrics`)).status).toBe(404);
  for (const authorization of ['', `Bearer ${TOKEN}x`, 'Bearer aegis-local-dev-key', `Basic ${TOKEN}`]) {
    const answer = await fetch(urls[app], { headers: { authorization } });
    expect(answer.status).toBe(401);
    expect(await answer.text()).not.toContain('aegis_');
  }
  expect((await pages.scrape(app)).status).toBe(200);
});

test.each(APPS)('the page of %s has every known series from the start, at 0 until something happens', (app) => {
  const page = readPage(atStart[app]);
  const known = contractSeries(REGIONS);
  expect(known.filter((series) => !page.has(series))).toEqual([]);
  // Jobs run at once, and the first sweep lists EC2.
  const busy = /^aegis_job_|^aegis_aws_operation.*describe_instances.*status="ok"/;
  expect(known.filter((series) => page.get(series) !== 0 && !(app === 'jobs' && busy.test(series)))).toEqual([]);
});

describe(`after ${OPERATIONS} mixed operations with faults`, () => {
  let traffic: MixedTraffic;
  let answered: Samples;
  let checked: Promise<string[]>[];
  let counted: Samples;
  let attempts: number;
  let expectedAws: Tally;
  let expectedRelays: Tally;

  beforeAll(async () => {
    for (const fault of faultMix(REGIONS)) await sim.fault(fault);
    checked = [];
    const checking = setInterval(() => {
      if (checked.length < CHECKS && withPromtool === test) checked.push(...APPS.map(checkNow));
    }, 1_500);
    traffic = await driveMixedTraffic({ apiUrl: stack.apiUrl, sim, regions: REGIONS, operations: OPERATIONS, seed: 3 });
    clearInterval(checking);
    answered = await allAnswersCounted();
    await sim.clearFaults();
    await pages.atRest(sim);
    await bringAboutTheRest();
    const quiet = await pages.whileQuiet(sim);
    ({ counted } = quiet);
    const calls = (await sim.calls({ limit: ALL })).calls.filter(({ seq }) => seq <= quiet.lastSeq);
    const { records } = await sim.ledger({ limit: ALL });
    attempts = calls.length;
    expectedAws = expectedAwsCounters(calls, records);
    const stories: RelayStory[] = [];
    for (const id of traffic.ids) stories.push(await readStory(stack.apiUrl, id));
    expectedRelays = expectedRelayCounters(stories, records);
  }, 120_000);

  function checkNow(app: App): Promise<string[]> {
    const remarks = pages.scrape(app).then(({ text }) => promtoolRemarks(text));
    // The test awaits it; until then a failure must not end the process.
    remarks.catch(() => undefined);
    return remarks;
  }

  /** The api counts an answer when its connection is done with it, which may be after the client has read it. */
  function allAnswersCounted(): Promise<Samples> {
    const asked = Object.keys(traffic.requests.nonZero());
    return waitFor('the api to count its last answer', 15_000, async () => {
      const page = readPage((await pages.scrape('api')).text);
      const total = asked.reduce((sum, series) => sum + (page.get(series) ?? 0), 0);
      return total >= traffic.requests.sum('aegis_http_requests_total') && page;
    });
  }

  /**
   * What the mix may have missed, for certain: EC2 is asked to end a machine that is gone already, and has nothing left
   * to do; EC2 refuses a launch for good.
   */
  async function bringAboutTheRest(): Promise<void> {
    const [region] = REGIONS;
    const relays = relayClient(stack.apiUrl);
    const dying = await relays.create({ region });
    const { instanceId } = await relays.becomes(dying.id, 'active', 10_000);
    await sim.kill({ instanceIds: [instanceId ?? ''] });
    await relays.remove(dying.id);
    await sim.fault({ operation: 'RunInstances', region, kind: { type: 'error', code: 'VcpuLimitExceeded' } });
    const refused = await relays.create({ region });
    await relays.becomes(refused.id, 'failed', 10_000);
    traffic.ids.push(dying.id, refused.id);
    await pages.atRest(sim);
  }

  test('operations, retries and exhaustions are those that EC2 saw', () => {
    expect(nonZero(counted, AWS)).toEqual(expectedAws.nonZero());
  });

  test('every attempt on the wire is an operation or a retry', () => {
    const sum = (family: string) => Object.values(nonZero(counted, [family])).reduce((total, each) => total + each, 0);
    expect(attempts).toBeGreaterThan(100);
    expect(sum('aegis_aws_operations_total') + sum('aegis_aws_retries_total')).toBe(attempts);
  });

  test('provisions, deprovisions and ends are those of the relays and their machines', () => {
    expect(nonZero(counted, RELAYS)).toEqual(expectedRelays.nonZero());
  });

  test('every kind of it happened', () => {
    const seen = Object.keys(nonZero(counted, [...AWS, ...RELAYS]));
    const happened = (family: string, label: string, value: string) =>
      seen.some((series) => series.startsWith(`${family}{`) && series.includes(`${label}="${value}"`));
    const absent = [
      ...['ok', 'error', 'cancelled'].map((value) => ['aegis_relay_provision_total', 'status', value] as const),
      ...['ok', 'error', 'ignored'].map((value) => ['aegis_relay_deprovision_total', 'status', value] as const),
      ...['ok', 'error', 'ignored'].map((value) => ['aegis_aws_operations_total', 'status', value] as const),
      ...['throttled', 'server_error', 'timeout', 'connection'].map(
        (value) => ['aegis_aws_retries_total', 'reason', value] as const,
      ),
      ...['run_instances', 'terminate_instances'].map((op) => ['aegis_aws_retry_exhausted_total', 'op', op] as const),
    ].filter(([family, label, value]) => !happened(family, label, value));
    expect(absent).toEqual([]);
  });

  test('clients were answered as often as they know', () => {
    const asked = traffic.requests.nonZero();
    expect(traffic.requests.sum('aegis_http_requests_total')).toBeGreaterThan(OPERATIONS * 0.9);
    expect(Object.fromEntries(Object.keys(asked).map((series) => [series, answered.get(series)]))).toEqual(asked);
  });

  test.each(APPS)('the page of %s holds no id and no address', async (app) => {
    const { text } = await pages.scrape(app);
    expect(text).not.toMatch(/\b(rly_|int_|lt_|rs_|i-[0-9a-f]{8}|\d+\.\d+\.\d+\.\d+\b)/);
  });

  withPromtool(
    'promtool has found nothing wrong with either page under way but the units of the contract',
    async () => {
      expect(checked.length).toBe(CHECKS);
      for (const each of checked) expect(await each).toEqual(EXPECTED_REMARKS);
    },
  );
});

describe('without Redis', () => {
  const FLAGS = ['aegis_inventory_stale{}', 'aegis_redis_up{}'];
  const flags = async (app: App) => {
    const { status, text, tookMs } = await pages.scrape(app);
    const page = readPage(text);
    return { status, tookMs, flags: FLAGS.map((name) => page.get(name)) };
  };
  const bothSay = (stale: number, up: number) =>
    waitFor(`stale ${stale}, up ${up}`, 10_000, async () => {
      const answers = await Promise.all(APPS.map(flags));
      return answers.every((answer) => answer.flags[0] === stale && answer.flags[1] === up);
    });

  test.each([
    ['does not answer', 'SIGSTOP'],
    ['is gone', 'SIGKILL'],
  ] as const)(
    'that %s, both pages answer within a second what they know and say that it is old',
    async (_, signal) => {
      await bothSay(0, 1);
      const before = await Promise.all(APPS.map(async (app) => readPage((await pages.scrape(app)).text)));
      stack.redis?.kill(signal);
      for (const app of APPS) {
        const answers = [await flags(app), await flags(app), await flags(app)];
        for (const answer of answers) expect(answer).toMatchObject({ status: 200, flags: [1, 0] });
        // A single one also waits for the processors that this test shares with others.
        expect(Math.min(...answers.map(({ tookMs }) => tookMs))).toBeLessThan(1_000);
      }
      for (const [index, app] of APPS.entries()) {
        const page = readPage((await pages.scrape(app)).text);
        const lost = [...(before[index] ?? [])].filter(([series]) => series.startsWith('aegis_') && !page.has(series));
        expect(lost).toEqual([]);
        const active = 'aegis_relays{region="us-east-1",state="active"}';
        expect(page.get(active)).toBe(before[index]?.get(active));
      }
      if (signal === 'SIGSTOP') stack.redis?.kill('SIGCONT');
      else await stack.redis?.start();
      await bothSay(0, 1);
    },
    30_000,
  );
});
