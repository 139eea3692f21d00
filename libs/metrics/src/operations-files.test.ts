import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { CATALOGUE, CONTRACT_FAMILIES, createMetrics, type FamilySpec, Registry } from './index.js';
import { labelDomains } from './label-domains.js';
import {
  readDashboardQueries,
  readDashboards,
  readRules,
  readRuleTests,
  readRunbookQueries,
  readRunbooks,
  repositoryFile,
} from './testing/operations-files.js';
import { findSelectors, type Selector } from './testing/promql.js';

const rules = readRules();
const alerts = rules.filter((rule) => rule.alert !== undefined);
const recorded = new Set(rules.flatMap((rule) => rule.record ?? []));
const queries = [
  ...rules.map(({ file, alert, record, expr }) => ({ where: `${file}: ${alert ?? record}`, expr })),
  ...readDashboardQueries(),
  ...readRunbookQueries(),
];

describe('names', () => {
  const registry = new Registry();
  createMetrics({ registry, app: 'api', version: '1', regions: [] });
  const series = new Set(
    registry.getMetricsAsArray().flatMap(({ name, type }) => {
      const isHistogram = String(type) === 'histogram';
      return isHistogram ? ['_bucket', '_sum', '_count'].map((suffix) => name + suffix) : [name];
    }),
  );
  /** Made by Prometheus itself. */
  const OWN = new Set(['up', 'scrape_duration_seconds', 'ALERTS']);
  const selectors = queries.flatMap(({ where, expr }) =>
    findSelectors(expr).map((selector) => ({ where, ...selector })),
  );

  test('every metric in a rule, dashboard or runbook is catalogued or recorded', () => {
    const isKnown = (name: string) => series.has(name) || recorded.has(name) || OWN.has(name);
    expect(selectors.filter(({ metric }) => !isKnown(metric))).toEqual([]);
    expect(selectors.length).toBeGreaterThan(200);
  });

  test('every family of the contract is in a rule, a dashboard and a runbook', () => {
    const usedIn = (some: readonly { expr: string }[]) =>
      new Set(some.flatMap(({ expr }) => findSelectors(expr)).map(({ metric }) => familyOf(metric)));
    const places = {
      rule: usedIn(rules),
      dashboard: usedIn(readDashboardQueries()),
      runbook: usedIn(readRunbookQueries()),
    };
    const missing = CONTRACT_FAMILIES.filter((name) => !places.dashboard.has(name));
    expect(missing).toEqual([]);
    expect(CONTRACT_FAMILIES.filter((name) => !places.rule.has(name) && !places.runbook.has(name))).toEqual([
      // How long deprovisions take is a matter of EC2; that they end is what the alerts watch.
      'aegis_relay_deprovision_latency_ms',
    ]);
  });

  test('every family beyond the contract is used too', () => {
    const used = new Set(selectors.map(({ metric }) => familyOf(metric)));
    expect(Object.keys(CATALOGUE).filter((name) => !used.has(name))).toEqual([]);
  });

  test('matchers use labels the family has and values these labels can have', () => {
    expect(
      selectors.flatMap((selector) => wrongMatchers(selector).map((fault) => `${selector.where}: ${fault}`)),
    ).toEqual([]);
  });
});

function familyOf(metric: string): string {
  const family = metric.replace(/_(bucket|sum|count)$/, '');
  return Object.hasOwn(CATALOGUE, metric) ? metric : family;
}

/** Put on by Prometheus, or a bucket's own. */
const TARGET_LABELS = ['job', 'instance', 'le'];
/** Their values come from the configuration. */
const CONFIGURED = new Set(['provider', 'region', 'instanceType', 'httpMethod', 'httpRoute', 'version', 'nodeVersion']);

function wrongMatchers({ metric, matchers }: Selector): string[] {
  const name = familyOf(metric);
  if (!Object.hasOwn(CATALOGUE, name)) return [];
  const spec: FamilySpec = CATALOGUE[name as keyof typeof CATALOGUE];
  const { known } = labelDomains({ app: 'api', version: '1', regions: [] });
  return matchers.flatMap(({ label, operator, value }) => {
    const domain = spec.labels[label];
    if (domain === undefined) return TARGET_LABELS.includes(label) ? [] : [`${metric} has no label ${label}`];
    if (CONFIGURED.has(domain) || value === '5..') return [];
    const values = operator.endsWith('~') ? value.split('|') : [value];
    return values.filter((each) => !known[domain].includes(each)).map((each) => `${metric} has no ${label} ${each}`);
  });
}

describe('alerts', () => {
  test('the starter rules are these', () => {
    const starter = (name: string) => {
      const rule = alerts.find((each) => each.alert === name);
      return { expr: rule?.expr.replace(/\s+/g, ' ').trim(), for: rule?.for };
    };
    expect(starter('AegisJobFailing')).toEqual({
      expr: 'rate(aegis_job_runs_total{status="error"}[5m]) > 0',
      for: '10m',
    });
    expect(starter('AegisProvisionSlow')).toEqual({
      expr: 'histogram_quantile(0.95, sum by (region, le) (rate(aegis_relay_provision_latency_ms_bucket{status="ok"}[5m])) ) > 15000',
      for: '15m',
    });
    expect(starter('AegisAwsRetryExhausted')).toEqual({
      expr: 'increase(aegis_aws_retry_exhausted_total[10m]) > 0',
      for: undefined,
    });
    expect(starter('AegisAwsRetryBurst')).toEqual({
      expr: 'sum by (region) (increase(aegis_aws_retries_total[5m])) > on (region) region:aegis_aws_retry_burst_threshold',
      for: undefined,
    });
  });

  const runbooks = readRunbooks();
  /** An operator's own base, when there is one, then the page's path in the repository. */
  const BASE = '{{ with $externalLabels.runbook_base }}{{ . }}/{{ end }}';
  const pathOf = (url = '') => (url.startsWith(BASE) ? url.slice(BASE.length) : `without a base: ${url}`);

  test.each(alerts)('$alert says how bad, what to do and where to read on', ({ alert, labels, annotations }) => {
    expect(['critical', 'warning']).toContain(labels?.severity);
    expect(annotations?.summary?.length).toBeGreaterThan(40);
    const page = runbooks.get(pathOf(annotations?.runbook_url)) ?? '';
    expect(page.split('\n')[0]).toBe(`# ${alert}`);
    for (const section of ['Meaning', 'Impact', 'Diagnosis', 'Action']) expect(page).toContain(`\n## ${section}\n`);
    expect(page).toContain('```promql');
  });

  test('every runbook belongs to an alert and is in the index', () => {
    const named = new Set(alerts.map((rule) => pathOf(rule.annotations?.runbook_url)));
    expect([...runbooks.keys()].filter((file) => !named.has(file))).toEqual([]);
    const index = readFileSync(repositoryFile('docs/runbooks/README.md'), 'utf8');
    expect([...runbooks.keys()].filter((file) => !index.includes(`(${file.split('/').at(-1)})`))).toEqual([]);
  });

  test('links between runbooks lead somewhere', () => {
    const links = [...runbooks].flatMap(([file, text]) =>
      [...text.matchAll(/\]\(([^)]+)\)/g)].map(([, target]) => ({ file, target: `docs/runbooks/${target}` })),
    );
    expect(links.filter(({ target }) => !runbooks.has(target))).toEqual([]);
  });

  test('every alert has rule tests in which it fires, resolves, and stays silent throughout', () => {
    const groups = readRuleTests();
    const faults = [...new Set(alerts.map((rule) => rule.alert))].filter((name) => {
      const courses = groups.map(({ alert_rule_test: steps = [] }) =>
        steps.filter((step) => step.alertname === name).map((step) => step.exp_alerts.length > 0),
      );
      const fires = courses.some((course) => course.includes(true));
      const resolves = courses.some(
        (course) => course.lastIndexOf(false) > course.indexOf(true) && course.includes(true),
      );
      const silent = courses.some((course) => course.length > 0 && !course.includes(true));
      return !(fires && resolves && silent);
    });
    expect(faults).toEqual([]);
  });

  test('every alert over counters has rule tests in which one is reset: it goes on when it fires, and else stays silent', () => {
    const counting = alerts.filter(({ expr }) => /\b(rate|increase)\(|:error_ratio_rate/.test(expr));
    const courses = readRuleTests()
      .filter(({ input_series }) => input_series.some(({ values }) => isReset(String(values))))
      .map(({ alert_rule_test: steps = [] }) => steps);
    const faults = [...new Set(counting.map(({ alert }) => alert))].filter((name) => {
      const own = courses.map((steps) => steps.filter(({ alertname }) => alertname === name));
      const fires = own.some((steps) => steps.some(({ exp_alerts }) => exp_alerts.length > 0));
      const silent = own.some((steps) => steps.length > 0 && steps.every(({ exp_alerts }) => exp_alerts.length === 0));
      return !(fires && silent);
    });
    expect(faults).toEqual([]);
    expect(counting.length).toBeGreaterThan(15);
  });

  test('inhibitions name alerts that exist', () => {
    const text = readFileSync(repositoryFile('prometheus/alertmanager.yml'), 'utf8');
    const known = new Set(alerts.map((rule) => rule.alert));
    const named = [...text.matchAll(/\bAegis\w+/g)].map(([name]) => name);
    expect(named.filter((name) => !known.has(name))).toEqual([]);
    expect(named.length).toBeGreaterThan(0);
  });
});

/** Whether a series in promtool's notation (`9x4 _x2 0+1x8`) falls to 0 after it had counted. */
function isReset(values: string): boolean {
  let counted = false;
  for (const part of values.split(' ')) {
    const [, start, step = '0'] = /^(\d+)(?:\+(\d+))?(?:x\d+)?$/.exec(part) ?? [];
    if (start === undefined) continue;
    if (counted && start === '0') return true;
    counted ||= Number(start) > 0 || Number(step) > 0;
  }
  return false;
}

describe('dashboards', () => {
  const dashboards = readDashboards();
  const { datasources } = parse(
    readFileSync(repositoryFile('deploy/grafana/provisioning/datasources/prometheus.yml'), 'utf8'),
  ) as { datasources: { uid: string }[] };

  test('have ids of their own and ask the provisioned data source', () => {
    expect(new Set(dashboards.map(({ uid }) => uid)).size).toBe(dashboards.length);
    const sources = dashboards.flatMap(({ panels }) =>
      panels.flatMap((panel) => [panel.datasource.uid, ...panel.targets.map((target) => target.datasource.uid)]),
    );
    expect([...new Set(sources)]).toEqual(datasources.map(({ uid }) => uid));
  });

  test('use no variable but $region, and every panel has a query', () => {
    expect(readDashboardQueries().filter(({ expr }) => expr.includes('$'))).toEqual([]);
    expect(dashboards.flatMap(({ panels }) => panels.filter(({ targets }) => targets.length === 0))).toEqual([]);
  });
});
