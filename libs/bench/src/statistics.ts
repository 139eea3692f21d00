/** The nearest-rank percentile: the smallest sample that at least `percent` % of all samples do not exceed. */
export function percentile(samples: readonly number[], percent: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  const value = sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)];
  if (value === undefined) throw new RangeError('no samples');
  return value;
}

export function median(samples: readonly number[]): number {
  return percentile(samples, 50);
}

/** To two places, as figures are printed. */
export function rounded(value: number, places = 2): number {
  return Math.round(value * 10 ** places) / 10 ** places;
}
