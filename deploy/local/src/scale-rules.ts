import { cp, readFile, writeFile } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import { isMap, isScalar, parseDocument, visit } from 'yaml';

const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
  y: 31_536_000_000,
};

const DURATION = String.raw`(?:\d+(?:ms|[smhdwy]))+`;

/** Keys of Prometheus' and Alertmanager's settings and rule files that hold a duration. */
const DURATION_KEYS: ReadonlySet<string> = new Set([
  'for',
  'keep_firing_for',
  'interval',
  'scrape_interval',
  'scrape_timeout',
  'evaluation_interval',
  'refresh_interval',
  'group_wait',
  'group_interval',
  'repeat_interval',
  'resolve_timeout',
]);

/** A duration as Prometheus writes it, multiplied by `factor`; at least 1ms unless it was 0. */
export function scaleDuration(duration: string, factor: number): string {
  if (!new RegExp(`^(?:${DURATION}|0)$`).test(duration)) throw new Error(`${JSON.stringify(duration)} is no duration`);
  let ms = 0;
  for (const [, amount, unit = ''] of duration.matchAll(/(\d+)(ms|[smhdwy])/g)) {
    ms += Number(amount) * (UNIT_MS[unit] ?? 0);
  }
  return ms === 0 ? '0s' : `${Math.max(1, Math.round(ms * factor))}ms`;
}

/** Strings and comments come first, so that nothing inside them is taken for a range. */
const PROMQL_PART = new RegExp(
  [
    String.raw`(?<literal>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|\`[^\`]*\`|#[^\n]*)`,
    String.raw`\[\s*(?<range>${DURATION})\s*(?<subquery>:\s*(?<step>${DURATION})?\s*)?\]`,
    String.raw`(?<offset>\boffset\s+-?\s*)(?<shift>${DURATION})`,
  ].join('|'),
  'gi',
);

/** Multiplies the ranges, subquery steps and offsets of a PromQL expression; numbers such as thresholds stay. */
export function scalePromql(expression: string, factor: number): string {
  return expression.replace(PROMQL_PART, (part, ...args) => {
    const groups = args.at(-1) as Record<string, string | undefined>;
    if (groups.literal !== undefined) return part;
    if (groups.shift !== undefined) return `${groups.offset}${scaleDuration(groups.shift, factor)}`;
    const step = groups.step === undefined ? '' : scaleDuration(groups.step, factor);
    const subquery = groups.subquery === undefined ? '' : `:${step}`;
    return `[${scaleDuration(groups.range ?? '', factor)}${subquery}]`;
  });
}

/** Multiplies every duration in a prometheus.yml, alertmanager.yml or rule file. All else stays as it is. */
export function scaleSettings(yamlText: string, factor: number): string {
  const document = parseDocument(yamlText);
  const [error] = document.errors;
  if (error) throw error;
  visit(document, {
    Pair(_, pair, path) {
      // Labels and annotations are free text, whatever their names are.
      const parent = path.at(-2);
      const free = isMap(path.at(-1)) && parent !== undefined && 'key' in parent && isFreeText(parent.key);
      if (free || !isScalar(pair.key) || !isScalar(pair.value) || typeof pair.value.value !== 'string') return;
      const key = String(pair.key.value);
      if (key === 'expr') pair.value.value = scalePromql(pair.value.value, factor);
      else if (DURATION_KEYS.has(key)) pair.value.value = scaleDuration(pair.value.value, factor);
    },
  });
  return document.toString({ lineWidth: 0 });
}

function isFreeText(key: unknown): boolean {
  return isScalar(key) && ['labels', 'annotations', 'external_labels'].includes(String(key.value));
}

/** Copies a folder like `prometheus/` with all durations of its YAML files multiplied; its rule tests stay behind. */
export async function scaleRules(source: string, target: string, factor: number): Promise<void> {
  const copied: string[] = [];
  await cp(source, target, {
    recursive: true,
    filter: (from, to) => {
      if (extname(from) === '.yml') copied.push(to);
      return basename(from) !== 'tests';
    },
  });
  for (const file of copied) await writeFile(file, scaleSettings(await readFile(file, 'utf8'), factor));
}
