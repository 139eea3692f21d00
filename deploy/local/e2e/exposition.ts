/** Samples of metrics pages: `name{a="b",c="d"}` with the labels in order, and its value. */
export type Samples = ReadonlyMap<string, number>;

const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/;

export function seriesKey(name: string, labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
  return `${name}{${pairs.map(([label, value]) => `${label}="${value}"`).join(',')}}`;
}

/** Reads a page in the text exposition; the product's label values need no unescaping. */
export function readPage(text: string): Samples {
  const samples = new Map<string, number>();
  for (const line of text.split('\n')) {
    const [, name, labels = '', value] = SAMPLE.exec(line) ?? [];
    if (name === undefined) continue;
    const pairs = [...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, label = '', text = '']) => [label, text]);
    samples.set(seriesKey(name, Object.fromEntries(pairs)), Number(value));
  }
  return samples;
}

/** What counters come to over several pages: each event is counted on one of them. */
export function sumPages(pages: readonly Samples[]): Samples {
  const total = new Map<string, number>();
  for (const page of pages) for (const [key, value] of page) total.set(key, (total.get(key) ?? 0) + value);
  return total;
}

/** Counts by series, built up one event at a time, to be compared with a family of a page. */
export class Tally {
  readonly #counts = new Map<string, number>();

  add(name: string, labels: Readonly<Record<string, string>>, by = 1): void {
    const key = seriesKey(name, labels);
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + by);
  }

  /** All counts of a family together. */
  sum(name: string): number {
    return [...this.#counts].reduce((sum, [key, count]) => (key.startsWith(`${name}{`) ? sum + count : sum), 0);
  }

  /** All series that are not 0, sorted. */
  nonZero(): Record<string, number> {
    return Object.fromEntries([...this.#counts].filter(([, count]) => count !== 0).sort());
  }
}

/** The series of the named families that are not 0, sorted. */
export function nonZero(samples: Samples, families: readonly string[]): Record<string, number> {
  const wanted = new Set(families);
  return Object.fromEntries(
    [...samples].filter(([key, value]) => value !== 0 && wanted.has(key.slice(0, key.indexOf('{')))).sort(),
  );
}
