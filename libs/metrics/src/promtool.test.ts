import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { CONTRACT_FAMILIES, createMetrics, Registry } from './index.js';
import {
  filesIn,
  findOnPath,
  readDashboardQueries,
  readRunbookQueries,
  repositoryFile,
} from './testing/operations-files.js';

interface Result {
  code: number;
  output: string;
}

function run(program: string, args: readonly string[], input?: string): Promise<Result> {
  return new Promise((resolve) => {
    const child = execFile(program, args, { maxBuffer: 1 << 24 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
      resolve({ code, output: stderr + stdout });
    });
    child.stdin?.end(input ?? '');
  });
}

/** Outside CI a machine without the program may go on; a CI that checks less than it says is a broken CI. */
function needs(program: string, debianPackage: string) {
  if (findOnPath(program) !== null || process.env.CI) return describe;
  process.stderr.write(`skipped: ${program} is not on PATH (apt-get install ${debianPackage})\n`);
  return describe.skip;
}

needs('promtool', 'prometheus')('promtool', () => {
  let dir: string;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'aegis-promtool-'));
  });
  afterAll(() => rm(dir, { recursive: true, force: true }));

  test('accepts the settings and, without a remark, the rules', async () => {
    expect(await run('promtool', ['check', 'config', repositoryFile('prometheus/prometheus.yml')])).toMatchObject({
      code: 0,
    });
    const rules = filesIn('prometheus/rules', '.yml').map((file) => repositoryFile(file));
    const { code, output } = await run('promtool', ['check', 'rules', '--lint=all', '--lint-fatal', ...rules]);
    expect({ code, failed: output.match(/.*(?:FAILED|error).*/gi) }).toEqual({ code: 0, failed: null });
  });

  test.each(filesIn('prometheus/tests', '.yml'))(
    'passes %s',
    async (file) => {
      const { code, output } = await run('promtool', ['test', 'rules', repositoryFile(file)]);
      expect({ code, output: code === 0 ? '' : output }).toEqual({ code: 0, output: '' });
      // Days of samples take promtool a few seconds, and a loaded machine many.
    },
    90_000,
  );

  test('can parse every query of the dashboards and runbooks', async () => {
    const rules = [...readDashboardQueries(), ...readRunbookQueries()].map(({ expr }, index) => ({
      record: `query_${index}`,
      expr,
    }));
    const file = join(dir, 'queries.yml');
    // JSON is YAML.
    await writeFile(file, JSON.stringify({ groups: [{ name: 'queries', rules }] }));
    const { code, output } = await run('promtool', ['check', 'rules', file]);
    expect({ code, output: code === 0 ? '' : output }).toEqual({ code: 0, output: '' });
  });

  test.each(['api', 'jobs'] as const)(
    'has nothing to say about the page of %s but the units of the contract',
    async (app) => {
      const registry = new Registry();
      createMetrics({ registry, app, version: '1.2.3', regions: ['us-east-1'], instanceTypes: ['t3.micro'] });
      const { output } = await run('promtool', ['check', 'metrics'], await registry.metrics());
      const inMilliseconds = CONTRACT_FAMILIES.filter((name) => name.endsWith('_ms'));
      expect(output.trim().split('\n').sort()).toEqual(
        inMilliseconds.map((name) => `${name} metric names should not contain abbreviated units`).sort(),
      );
    },
  );
});

needs('amtool', 'prometheus-alertmanager')('amtool', () => {
  const file = repositoryFile('prometheus/alertmanager.yml');

  test('accepts the settings', async () => {
    expect(await run('amtool', ['check-config', file])).toMatchObject({ code: 0 });
  });

  test.each([
    ['severity=critical', 'pager'],
    ['severity=warning', 'tickets'],
    ['alertname=Anything', 'tickets'],
  ])('%s goes to %s', async (label, receiver) => {
    const { output } = await run('amtool', ['config', 'routes', 'test', `--config.file=${file}`, label]);
    expect(output.trim().split('\n').at(-1)).toBe(receiver);
  });
});
