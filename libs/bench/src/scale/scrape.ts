// What a scrape costs Prometheus and the product, with few relays and with many: both stacks stand at the same time and
// are scraped in turn.
import type { Benchmark } from '../benchmark.js';
import { readOptions } from '../read-options.js';
import { median, rounded } from '../statistics.js';
import { table } from '../table.js';
import { type Fleet, startFleet } from './fleet.js';
import { untilIdle } from './job-runs.js';

const WARM_UP = 20;

type App = 'api' | 'jobs';

interface Scrape {
  milliseconds: number;
  bytes: number;
}

async function scrapeOnce({ stack }: Fleet, app: App): Promise<Scrape> {
  const startedAt = performance.now();
  const answer = await fetch(`${stack[app][0]?.url}/metrics`, { headers: { 'accept-encoding': 'identity' } });
  const bytes = (await answer.arrayBuffer()).byteLength;
  if (!answer.ok) throw new Error(`the metrics of ${app} answered ${answer.status}`);
  return { milliseconds: performance.now() - startedAt, bytes };
}

interface Compared {
  few: Scrape[];
  many: Scrape[];
}

async function compare(few: Fleet, many: Fleet, app: App, scrapes: number): Promise<Compared> {
  const compared: Compared = { few: [], many: [] };
  for (let scrape = -WARM_UP; scrape < scrapes; scrape += 1) {
    const [one, other] = [await scrapeOnce(few, app), await scrapeOnce(many, app)];
    if (scrape < 0) continue;
    compared.few.push(one);
    compared.many.push(other);
  }
  return compared;
}

const time = (scrapes: readonly Scrape[]) => median(scrapes.map(({ milliseconds }) => milliseconds));
const size = (scrapes: readonly Scrape[]) => median(scrapes.map(({ bytes }) => bytes));

export const scrape: Benchmark = async ({ print, args }) => {
  const options = readOptions(args, { few: 10, many: 100_000, scrapes: 200 });
  const fleets: Fleet[] = [];
  try {
    for (const relays of [options.few, options.many]) {
      print(`preparing ${relays.toLocaleString('en')} relays`);
      fleets.push(await startFleet({ relays }));
    }
    const [few, many] = fleets;
    if (few === undefined || many === undefined) throw new Error('there are two fleets');
    for (const fleet of fleets) await untilIdle(fleet);
    const api = await compare(few, many, 'api', options.scrapes);
    const jobs = await compare(few, many, 'jobs', options.scrapes);
    const row = (name: string, compared: Compared): (string | number)[] => [
      name,
      ...[compared.few, compared.many].flatMap((side) => [time(side).toFixed(2), size(side)]),
      (time(compared.many) / time(compared.few)).toFixed(2),
      (size(compared.many) / size(compared.few)).toFixed(3),
    ];
    print(`median of ${options.scrapes} scrapes, milliseconds and bytes`);
    const head = ['', `at ${options.few}`, 'bytes', `at ${options.many}`, 'bytes', 'time ratio', 'size ratio'];
    for (const line of table(head, [row('api', api), row('jobs', jobs)])) print(line);
    return {
      api_ratio: rounded(time(api.many) / time(api.few)),
      jobs_ratio: rounded(time(jobs.many) / time(jobs.few)),
      api_size_ratio: rounded(size(api.many) / size(api.few)),
      jobs_size_ratio: rounded(size(jobs.many) / size(jobs.few)),
      api_bytes: size(api.many),
      jobs_bytes: size(jobs.many),
    };
  } finally {
    await Promise.all(fleets.map((fleet) => fleet.stop()));
  }
};
