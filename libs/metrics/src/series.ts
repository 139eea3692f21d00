import { CATALOGUE, type FamilyName, type FamilySpec } from './catalogue.js';
import { type DomainName, type Domains, type LabelOptions, labelDomains } from './label-domains.js';
import { OTHER } from './label-values.js';

export type Labels = Readonly<Record<string, string>>;

/** The label sets that exist at 0 from start-up: `increase()` cannot see a counter whose first sample is already 1. */
export function knownSeries(name: FamilyName, domains: Domains): Labels[] {
  return combinations(CATALOGUE[name], (domain) => domains.known[domain]).filter(
    (labels) => isPossible(labels, domains) && isExpected(labels),
  );
}

export interface SeriesBound {
  /** Samples on the page, histogram buckets included; process metrics are not counted. */
  readonly total: number;
  readonly byFamily: Readonly<Record<FamilyName, number>>;
}

/** The most samples these families can ever have, whatever values are recorded. */
export function seriesBound(options: LabelOptions): SeriesBound {
  const domains = labelDomains(options);
  const names = Object.keys(CATALOGUE) as FamilyName[];
  const byFamily = Object.fromEntries(
    names.map((name) => {
      const spec: FamilySpec = CATALOGUE[name];
      const possible = combinations(spec, (domain) => [...new Set([...domains.known[domain], OTHER])]).filter(
        (labels) => isPossible(labels, domains),
      );
      return [name, possible.length * samplesPerSeries(spec)];
    }),
  ) as Record<FamilyName, number>;
  return { total: Object.values(byFamily).reduce((sum, count) => sum + count, 0), byFamily };
}

function samplesPerSeries(spec: FamilySpec): number {
  // Each bucket, then +Inf, _sum and _count.
  return spec.type === 'histogram' ? (spec.buckets?.length ?? 0) + 3 : 1;
}

function isPossible(labels: Labels, domains: Domains): boolean {
  const { method, route } = labels;
  return method === undefined || route === undefined || domains.isEndpoint(method, route);
}

function isExpected(labels: Labels): boolean {
  return labels.op === undefined || labels.status !== 'ignored' || labels.op === 'terminate_instances';
}

function combinations(spec: FamilySpec, valuesOf: (domain: DomainName) => readonly string[]): Labels[] {
  return Object.entries(spec.labels).reduce<Labels[]>(
    (partial, [label, domain]) =>
      partial.flatMap((labels) => valuesOf(domain).map((value) => ({ ...labels, [label]: value }))),
    [{}],
  );
}
