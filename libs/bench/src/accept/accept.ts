// What the api accepts and answers, against Express with one round trip to Redis and nothing else. Both stand on the same
// Redis, one process each, and are loaded in turn by the same process, several times, so that what else the machine does
// meets both. Jobs and EC2 are away: this is the price of accepting, not of launching.
import { startStack } from '@aegis/local-stack';
import { createApiClient } from '../api-client.js';
import type { Benchmark } from '../benchmark.js';
import { startChild } from '../load/child.js';
import type { LoadRequest, LoadResult } from '../load/load.js';
import { type Loader, startLoader } from '../load/loader.js';
import { readOptions } from '../read-options.js';
import { median, rounded } from '../statistics.js';
import { table } from '../table.js';

const JSON_HEADERS = { 'content-type': 'application/json' };
const KEY = { authorization: 'Bearer aegis-local-dev-key' };
const BODY = JSON.stringify({ leaseSeconds: 600, labels: { purpose: 'benchmark' } });
/** Relays that reads are spread over. */
const READ_FROM = 200;

interface Target {
  url: string;
  create: LoadRequest;
  read: LoadRequest;
}

interface Measured {
  rate: number;
  p50: number;
  p99: number;
}

type Side = 'ours' | 'bare';
type Measure = (target: Target, kind: 'create' | 'read', rate?: number) => Promise<LoadResult>;

async function prepareOurs(apiUrl: string): Promise<Target> {
  const api = createApiClient(apiUrl);
  const relays = await Promise.all(Array.from({ length: READ_FROM }, () => api.create()));
  await api.close();
  const paths = relays.map(({ id }) => `/api/v1/relays/${id}`);
  return {
    url: apiUrl,
    create: { method: 'POST', paths: ['/api/v1/relays'], headers: { ...JSON_HEADERS, ...KEY }, body: BODY },
    read: { method: 'GET', paths, headers: KEY },
  };
}

async function prepareBare(url: string): Promise<Target> {
  const create: LoadRequest = { method: 'POST', paths: ['/relays'], headers: JSON_HEADERS, body: BODY };
  const answers = await Promise.all(
    Array.from({ length: READ_FROM }, () =>
      fetch(`${url}/relays`, { method: 'POST', headers: JSON_HEADERS, body: BODY }),
    ),
  );
  const relays = (await Promise.all(answers.map((answer) => answer.json()))) as { id: string }[];
  const paths = relays.map(({ id }) => `/relays/${id}`);
  return { url, create, read: { method: 'GET', paths, headers: {} } };
}

function measureWith(loader: Loader, seconds: number, connections: number): Measure {
  return (target, kind, rate) =>
    loader.load({
      urls: [target.url],
      request: target[kind],
      connections,
      amount: { seconds },
      ...(rate === undefined ? {} : { rate }),
    });
}

/** Ours and bare in turn, `rounds` times; the median of each figure. */
async function compare(
  rounds: number,
  measure: (side: Side) => Promise<LoadResult>,
): Promise<Record<Side, Measured> & { results: Record<Side, LoadResult[]> }> {
  const results: Record<Side, LoadResult[]> = { ours: [], bare: [] };
  for (let round = 0; round < rounds; round += 1) {
    for (const side of ['bare', 'ours'] as const) results[side].push(await measure(side));
  }
  const middle = (side: Side): Measured => ({
    rate: median(results[side].map(({ rate }) => rate)),
    p50: median(results[side].map(({ p50 }) => p50)),
    p99: median(results[side].map(({ p99 }) => p99)),
  });
  return { ours: middle('ours'), bare: middle('bare'), results };
}

function row(name: string, { ours, bare }: Record<Side, Measured>): (string | number)[] {
  const cells = [ours, bare].flatMap(({ rate, p50, p99 }) => [Math.round(rate), p50.toFixed(1), p99.toFixed(1)]);
  return [name, ...cells, (ours.rate / bare.rate).toFixed(2), (ours.p99 / bare.p99).toFixed(2)];
}

export const accept: Benchmark = async ({ print, args }) => {
  const { seconds, rounds, connections } = readOptions(args, { seconds: 5, rounds: 5, connections: 64 });
  const stack = await startStack();
  const bareProcess = startChild('accept/bare-process', [stack.redisUrl]);
  const loader = startLoader();
  try {
    await Promise.all([...stack.jobs, stack.sim].map((part) => part.stop()));
    const { url } = await bareProcess.next<{ url: string }>();
    const targets = { ours: await prepareOurs(stack.apiUrl), bare: await prepareBare(url) };
    const load = measureWith(loader, seconds, connections);
    // Not counted: code is compiled.
    for (const side of ['bare', 'ours'] as const)
      for (const kind of ['create', 'read'] as const) await load(targets[side], kind);

    const creates = await compare(rounds, (side) => load(targets[side], 'create'));
    const reads = await compare(rounds, (side) => load(targets[side], 'read'));
    const halfOfBare = creates.bare.rate / 2;
    const halfOfOurs = creates.ours.rate / 2;
    const paced = await compare(rounds, (side) => load(targets[side], 'create', halfOfBare));
    const eased = await compare(rounds, (side) => load(targets[side], 'create', halfOfOurs));
    print(
      `${connections} connections, median of ${rounds} rounds of ${seconds} s, requests per second and milliseconds`,
    );
    const head = ['', 'ours', 'p50', 'p99', 'bare', 'p50', 'p99', 'rate ratio', 'p99 ratio'];
    const rows = [
      row('create', creates),
      row('read', reads),
      row('create, half of bare', paced),
      row('create, half of ours', eased),
    ];
    for (const line of table(head, rows)) print(line);
    return {
      create_share: rounded(creates.ours.rate / creates.bare.rate),
      create_p99_ratio: rounded(paced.ours.p99 / paced.bare.p99),
      create_p99_ratio_at_half_of_ours: rounded(eased.ours.p99 / eased.bare.p99),
      read_share: rounded(reads.ours.rate / reads.bare.rate),
      creates_per_s: Math.round(creates.ours.rate),
      reads_per_s: Math.round(reads.ours.rate),
    };
  } finally {
    await Promise.all([bareProcess.stop(), loader.stop()]);
    await stack.stop();
  }
};
