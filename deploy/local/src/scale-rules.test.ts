import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { repositoryPath } from './repository.js';
import { scaleDuration, scalePromql, scaleRules, scaleSettings } from './scale-rules.js';

describe('durations', () => {
  test.each([
    ['15s', 1 / 60, '250ms'],
    ['10m', 1 / 60, '10000ms'],
    ['1h30m', 1 / 60, '90000ms'],
    ['1d', 1 / 3600, '24000ms'],
    ['500ms', 2, '1000ms'],
    ['0s', 0.5, '0s'],
    ['1ms', 0.001, '1ms'],
  ])('%s by %d is %s', (duration, factor, expected) => {
    expect(scaleDuration(duration, factor)).toBe(expected);
  });

  test.each(['', '5', '5 m', 'm', '-5m', '1.5h'])('%p is refused', (text) => {
    expect(() => scaleDuration(text, 1)).toThrow('is no duration');
  });
});

describe('PromQL', () => {
  test.each([
    ['rate(x[5m]) > 0', 'rate(x[5000ms]) > 0'],
    ['increase(x{job="a"}[10m]) > 15000', 'increase(x{job="a"}[10000ms]) > 15000'],
    [
      'max_over_time(x[1h:30s]) + avg_over_time(y[1h:])',
      'max_over_time(x[60000ms:500ms]) + avg_over_time(y[60000ms:])',
    ],
    ['x offset 5m - y offset -1h', 'x offset 5000ms - y offset -60000ms'],
    ['x{le="15000", note="[5m] offset 5m"}', 'x{le="15000", note="[5m] offset 5m"}'],
    [`x{a='it\\'s [5m]'} # last [5m]\n> y[ 1m ]`, `x{a='it\\'s [5m]'} # last [5m]\n> y[1000ms]`],
    ['job:errors:ratio_rate5m > 0.144', 'job:errors:ratio_rate5m > 0.144'],
  ])('%s', (expression, expected) => {
    expect(scalePromql(expression, 1 / 60)).toBe(expected);
  });
});

describe('settings', () => {
  test('scales what is a duration and leaves labels, annotations, names and numbers', () => {
    const scaled = scaleSettings(
      `
groups:
  - name: one
    interval: 30s
    rules:
      - record: region:x:rate5m
        expr: rate(x[5m])
      - alert: Slow # by hand
        expr: |
          histogram_quantile(0.95, sum by (le) (rate(x_bucket[5m])))
            > 15000
        for: 15m
        labels: { for: 10m, severity: critical }
        annotations:
          expr: rate(x[5m])
          summary: slow for 15m
`,
      1 / 60,
    );
    expect(parse(scaled)).toEqual({
      groups: [
        {
          name: 'one',
          interval: '500ms',
          rules: [
            { record: 'region:x:rate5m', expr: 'rate(x[5000ms])' },
            {
              alert: 'Slow',
              expr: 'histogram_quantile(0.95, sum by (le) (rate(x_bucket[5000ms])))\n  > 15000\n',
              for: '15000ms',
              labels: { for: '10m', severity: 'critical' },
              annotations: { expr: 'rate(x[5m])', summary: 'slow for 15m' },
            },
          ],
        },
      ],
    });
    expect(scaled).toContain('# by hand');
  });

  test('names what is wrong with a file that is no YAML', () => {
    expect(() => scaleSettings('a: [', 1)).toThrow();
  });
});

describe("the project's own files", () => {
  test('keep all but their durations, and those come back with the inverse factor', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'aegis-scale-'));
    try {
      const source = repositoryPath('prometheus');
      await scaleRules(source, dir, 1 / 50);
      expect(await readdir(dir)).toEqual((await readdir(source)).filter((name) => name !== 'tests'));
      const files = [
        'prometheus.yml',
        'alertmanager.yml',
        ...(await readdir(join(dir, 'rules'))).map((f) => `rules/${f}`),
      ];
      for (const file of files) {
        const original = await readFile(join(source, file), 'utf8');
        const scaled = await readFile(join(dir, file), 'utf8');
        expect(leaves(parse(scaled)).length).toBe(leaves(parse(original)).length);
        const back = scaleSettings(scaled, 50);
        const same = scaleSettings(original, 1);
        expect(parse(back)).toEqual(parse(same));
      }
      const prometheus = parse(await readFile(join(dir, 'prometheus.yml'), 'utf8')) as { global: object };
      expect(prometheus.global).toEqual({
        scrape_interval: '300ms',
        scrape_timeout: '200ms',
        evaluation_interval: '300ms',
      });
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  });

  function leaves(value: unknown): unknown[] {
    return typeof value === 'object' && value !== null ? Object.values(value).flatMap(leaves) : [value];
  }
});
