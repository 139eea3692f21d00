import { accessSync, constants, readdirSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

/** Readers of what operators get beside the code: rules, their tests, runbooks and dashboards. */
const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));

export interface Rule {
  file: string;
  record?: string;
  alert?: string;
  expr: string;
  for?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
}

export interface RuleTest {
  file: string;
  name: string;
  input_series: { series: string; values: string | number }[];
  alert_rule_test?: { alertname: string; eval_time: string; exp_alerts: unknown[] }[];
}

export interface Query {
  where: string;
  expr: string;
}

export interface Dashboard {
  file: string;
  uid: string;
  panels: { title: string; datasource: { uid: string }; targets: { expr: string; datasource: { uid: string } }[] }[];
}

export function repositoryFile(...path: string[]): string {
  return join(ROOT, ...path);
}

export function filesIn(folder: string, extension: string): string[] {
  const names = readdirSync(repositoryFile(folder)).filter((name) => name.endsWith(extension));
  return names.sort().map((name) => join(folder, name));
}

function read(file: string): string {
  return readFileSync(repositoryFile(file), 'utf8');
}

export function readRules(): Rule[] {
  return filesIn('prometheus/rules', '.yml').flatMap((file) => {
    const { groups } = parse(read(file)) as { groups: { rules: Omit<Rule, 'file'>[] }[] };
    return groups.flatMap((group) => group.rules).map((rule) => ({ file, ...rule }));
  });
}

export function readRuleTests(): RuleTest[] {
  return filesIn('prometheus/tests', '.yml').flatMap((file) => {
    const { tests } = parse(read(file)) as { tests: Omit<RuleTest, 'file'>[] };
    return tests.map((test) => ({ file, ...test }));
  });
}

/** The title of each runbook by its path. */
export function readRunbooks(): Map<string, string> {
  const pages = filesIn('docs/runbooks', '.md').filter((file) => !file.endsWith('README.md'));
  return new Map(pages.map((file) => [file, read(file)]));
}

export function readRunbookQueries(): Query[] {
  return [...readRunbooks()].flatMap(([where, text]) =>
    [...text.matchAll(/```promql\n([\s\S]*?)```/g)].map(([, expr = '']) => ({ where, expr })),
  );
}

export function readDashboards(): Dashboard[] {
  return filesIn('deploy/grafana/dashboards', '.json').map((file) => ({
    file,
    ...(JSON.parse(read(file)) as Omit<Dashboard, 'file'>),
  }));
}

/** The queries of all panels with the one variable they may use filled in. */
export function readDashboardQueries(): Query[] {
  return readDashboards().flatMap(({ file, panels }) =>
    panels.flatMap(({ title, targets }) =>
      targets.map(({ expr }) => ({ where: `${file}: ${title}`, expr: expr.replaceAll('$region', '.*') })),
    ),
  );
}

export function findOnPath(program: string): string | null {
  const candidates = (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, program));
  const isProgram = (path: string) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  };
  return candidates.find(isProgram) ?? null;
}
