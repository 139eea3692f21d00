import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { repositoryPath } from '../src/repository.js';

/** One query of one panel as Grafana sends it, with all regions selected. */
export interface OperatorQuery {
  /** `jobs.json: Runs by job`. */
  where: string;
  expr: string;
}

interface Dashboard {
  templating: { list: { name: string; allValue: string; query: { query: string } }[] };
  annotations: { list: { name: string; expr: string }[] };
  panels: { title: string; targets: { expr: string }[] }[];
}

export interface Dashboards {
  panels: OperatorQuery[];
  /** The queries that fill the choice lists: `label_values(selector, label)`. */
  choices: { dashboard: string; selector: string; label: string }[];
}

const FOLDER = 'deploy/grafana/dashboards';

export async function readDashboards(): Promise<Dashboards> {
  const found: Dashboards = { panels: [], choices: [] };
  for (const file of (await readdir(repositoryPath(FOLDER))).sort()) {
    const dashboard = JSON.parse(await readFile(join(repositoryPath(FOLDER), file), 'utf8')) as Dashboard;
    const variables = dashboard.templating.list;
    const filledIn = (expr: string) =>
      variables.reduce((text, { name, allValue }) => text.replaceAll(`$${name}`, allValue), expr);
    for (const { query } of variables) {
      const [, selector = '', label = ''] = /^label_values\((.+), (\w+)\)$/.exec(query.query) ?? [];
      found.choices.push({ dashboard: file, selector, label });
    }
    for (const { title, targets } of dashboard.panels) {
      for (const { expr } of targets) found.panels.push({ where: `${file}: ${title}`, expr: filledIn(expr) });
    }
  }
  return found;
}

/** Every query of the runbooks, with the page it stands on. */
export async function readRunbookQueries(): Promise<OperatorQuery[]> {
  const folder = repositoryPath('docs/runbooks');
  const pages = (await readdir(folder)).filter((name) => name.endsWith('.md')).sort();
  const texts = await Promise.all(pages.map((page) => readFile(join(folder, page), 'utf8')));
  return texts.flatMap((text, index) =>
    [...text.matchAll(/```promql\n([\s\S]*?)```/g)].map(([, expr = '']) => ({ where: pages[index] ?? '', expr })),
  );
}
