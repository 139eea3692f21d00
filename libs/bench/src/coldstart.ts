// How long each app takes from the start of its process to ready, against a Redis and an EC2 that are there already: what
// a deployment or a crash costs.
import { readFile } from 'node:fs/promises';
import { type ManagedProcess, startStack } from '@aegis/local-stack';
import type { Benchmark } from './benchmark.js';
import { readOptions } from './read-options.js';
import { median, percentile, rounded } from './statistics.js';
import { table } from './table.js';

/** The moment the process itself says that it is ready: asking it again and again would slow it down. */
async function readyAt(app: ManagedProcess): Promise<number> {
  const lines = (await readFile(app.logFile, 'utf8')).trimEnd().split('\n').reverse();
  const ready = lines.find((line) => line.includes('"message":"ready"'));
  if (ready === undefined) throw new Error(`${app.name} never said that it is ready`);
  return Date.parse((JSON.parse(ready) as { timestamp: string }).timestamp);
}

async function measureStart(app: ManagedProcess): Promise<number> {
  await app.stop();
  const startedAt = Date.now();
  await app.start();
  return (await readyAt(app)) - startedAt;
}

export const coldstart: Benchmark = async ({ print, args }) => {
  const { starts } = readOptions(args, { starts: 15 });
  const stack = await startStack();
  try {
    const samples: { api: number[]; jobs: number[] } = { api: [], jobs: [] };
    const [api] = stack.api;
    const [jobs] = stack.jobs;
    if (api === undefined || jobs === undefined) throw new Error('the stack has an api and a jobs process');
    for (let start = 0; start < starts; start += 1) {
      samples.api.push(await measureStart(api));
      samples.jobs.push(await measureStart(jobs));
    }
    const row = (name: string, times: number[]) => [
      name,
      ...[0, 50, 100].map((percent) => Math.round(percentile(times, percent))),
    ];
    print(`process start to ready, ${starts} starts each, milliseconds`);
    const rows = [row('api', samples.api), row('jobs', samples.jobs)];
    for (const line of table(['', 'best', 'median', 'worst'], rows)) print(line);
    return { api_ms: rounded(median(samples.api)), jobs_ms: rounded(median(samples.jobs)) };
  } finally {
    await stack.stop();
  }
};
