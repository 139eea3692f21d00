import type { Registry } from 'prom-client';

/**
 * OpenMetrics 1.0.0 from the registry's text exposition. prom-client's own mode renames the registry's counters for
 * good, so one process could not serve both formats; the two differ only in what this function changes: a counter's
 * family carries no `_total` (its samples do), no blank lines, and an end mark.
 */
export async function renderOpenMetrics(registry: Registry): Promise<string> {
  const counters = new Set(
    registry
      .getMetricsAsArray()
      .filter((metric) => String(metric.type) === 'counter')
      .map((metric) => metric.name),
  );
  const lines = (await registry.metrics()).split('\n').filter((line) => line !== '');
  const converted = lines.map((line) => {
    const [, keyword, name = '', rest] = METADATA.exec(line) ?? [];
    return counters.has(name) ? `# ${keyword} ${name.replace(/_total$/, '')} ${rest}` : line;
  });
  return `${converted.join('\n')}\n# EOF\n`;
}

const METADATA = /^# (HELP|TYPE) (\S+) (.*)$/;
