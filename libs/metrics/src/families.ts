import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { CATALOGUE, type FamilyName, type FamilySpec } from './catalogue.js';
import type { DomainName, Domains } from './label-domains.js';
import { knownSeries, type Labels } from './series.js';

type Catalogue = typeof CATALOGUE;
type NamesOf<T extends FamilySpec['type']> = {
  [N in FamilyName]: Catalogue[N]['type'] extends T ? N : never;
}[FamilyName];
type LabelsOf<N extends FamilyName> = { readonly [L in keyof Catalogue[N]['labels']]: string };

/** The catalogue's families on one registry. Label values are normalised here, so nothing else can make a series. */
export interface Families {
  inc<N extends NamesOf<'counter'>>(name: N, labels: LabelsOf<N>, by?: number): void;
  observe<N extends NamesOf<'histogram'>>(name: N, labels: LabelsOf<N>, value: number): void;
  set<N extends NamesOf<'gauge'>>(name: N, labels: LabelsOf<N>, value: number): void;
}

/** Registers every family of the catalogue with all its known series at 0. */
export function buildFamilies(registry: Registry, domains: Domains): Families {
  const counters = new Map<string, Counter>();
  const gauges = new Map<string, Gauge>();
  const histograms = new Map<string, Histogram>();
  for (const name of Object.keys(CATALOGUE) as FamilyName[]) {
    const spec: FamilySpec = CATALOGUE[name];
    const config = { name, help: spec.help, labelNames: Object.keys(spec.labels), registers: [registry] };
    const known = knownSeries(name, domains);
    if (spec.type === 'counter') {
      const counter = new Counter(config);
      for (const labels of known) counter.inc(labels, 0);
      counters.set(name, counter);
    } else if (spec.type === 'gauge') {
      const gauge = new Gauge(config);
      for (const labels of known) gauge.set(labels, 0);
      gauges.set(name, gauge);
    } else {
      const histogram = new Histogram({ ...config, buckets: [...(spec.buckets ?? [])] });
      for (const labels of known) histogram.zero(labels);
      histograms.set(name, histogram);
    }
  }
  const normalised = normaliser(domains);
  return {
    inc: (name, labels, by = 1) => counters.get(name)?.inc(normalised(name, labels), amount(by)),
    observe: (name, labels, value) => histograms.get(name)?.observe(normalised(name, labels), amount(value)),
    set: (name, labels, value) => gauges.get(name)?.set(normalised(name, labels), amount(value)),
  };
}

function normaliser(domains: Domains): (name: FamilyName, labels: Labels) => Record<string, string> {
  const dimensions = new Map<string, [string, DomainName][]>();
  for (const [name, spec] of Object.entries<FamilySpec>(CATALOGUE)) dimensions.set(name, Object.entries(spec.labels));
  return (name, labels) => {
    const result: Record<string, string> = {};
    for (const [label, domain] of dimensions.get(name) ?? []) {
      result[label] = domains.normalise(domain, String(labels[label]));
    }
    return result;
  };
}

/** Recording must never throw into business code: a clock that stepped back makes a negative duration. */
function amount(value: number): number {
  return value > 0 && value < Number.POSITIVE_INFINITY ? value : 0;
}
