import type { Pool } from 'undici';
import { percentile } from '../statistics.js';

/** One kind of request, sent again and again. */
export interface LoadRequest {
  method: 'GET' | 'POST';
  /** Taken in turn. */
  paths: string[];
  headers: Record<string, string>;
  body?: string;
  /** The only status that counts as success; any 2xx when absent. */
  status?: number;
}

export interface LoadOptions {
  request: LoadRequest;
  /** To each server. */
  connections: number;
  amount: { seconds: number } | { requests: number };
  /** Requests a second, whatever the answers take; absent: each connection sends as soon as it has its answer. */
  rate?: number;
  /** Keeps the `id` of each answer. */
  keepIds?: boolean;
}

export interface LoadResult {
  /** Answers a second. */
  rate: number;
  /** Milliseconds from when a request was to be sent, so that a server that falls behind cannot hide it. */
  p50: number;
  p99: number;
  /** Of all answers, when they were to be kept. */
  ids: string[];
}

/** Loads servers, which take turns. Rejects at the first answer that is no success. */
export async function load(pools: readonly Pool[], options: LoadOptions): Promise<LoadResult> {
  const { amount, rate } = options;
  const latencies: number[] = [];
  const ids: string[] = [];
  const send = createSender(pools, options.request, options.keepIds ? ids : null);
  const startedAt = performance.now();
  const sendAndTime = async (dueAt: number): Promise<void> => {
    await send();
    latencies.push(performance.now() - dueAt);
  };
  if (rate === undefined) {
    const goesOn = counted(amount, startedAt);
    const connection = async (): Promise<void> => {
      while (goesOn()) await sendAndTime(performance.now());
    };
    await Promise.all(Array.from({ length: options.connections * pools.length }, connection));
  } else {
    const total = 'requests' in amount ? amount.requests : Math.floor(rate * amount.seconds);
    await atRate(rate, total, sendAndTime);
  }
  const elapsed = (performance.now() - startedAt) / 1000;
  return { rate: latencies.length / elapsed, p50: percentile(latencies, 50), p99: percentile(latencies, 99), ids };
}

/** Whether one more is to be sent; asked once for each. */
function counted(amount: LoadOptions['amount'], startedAt: number): () => boolean {
  if ('seconds' in amount) {
    const endsAt = startedAt + amount.seconds * 1000;
    return () => performance.now() < endsAt;
  }
  let left = amount.requests;
  return () => left-- > 0;
}

/** Sends each request when its time has come, in millisecond steps, and waits for the last answer. */
async function atRate(rate: number, total: number, send: (dueAt: number) => Promise<void>): Promise<void> {
  const startedAt = performance.now();
  const answers: Promise<void>[] = [];
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      const due = Math.min(total, Math.floor(((performance.now() - startedAt) / 1000) * rate) + 1);
      while (answers.length < due) answers.push(send(startedAt + (answers.length / rate) * 1000));
      if (answers.length < total) return;
      clearInterval(timer);
      resolve();
    }, 1);
  });
  await Promise.all(answers);
}

/** By undici's handlers, not its promises and streams: the load must cost little beside what it measures. */
function createSender(pools: readonly Pool[], request: LoadRequest, ids: string[] | null): () => Promise<void> {
  const { method, paths, headers, body = null, status: wanted } = request;
  const isGood = (status: number) => (wanted === undefined ? status >= 200 && status < 300 : status === wanted);
  let sent = 0;
  return () =>
    new Promise((resolve, reject) => {
      const path = paths[sent % paths.length] ?? '/';
      const pool = pools[sent++ % pools.length];
      const pieces: Buffer[] = [];
      let status = 0;
      pool?.dispatch(
        { method, path, headers, body },
        {
          onRequestStart: () => undefined,
          onResponseStart: (_controller, statusCode) => {
            status = statusCode;
          },
          onResponseData: (_controller, piece) => {
            if (ids !== null) pieces.push(piece);
          },
          onResponseEnd: () => {
            if (!isGood(status)) return reject(new Error(`${method} ${path} answered ${status}`));
            if (ids !== null) ids.push((JSON.parse(Buffer.concat(pieces).toString()) as { id: string }).id);
            resolve();
          },
          onResponseError: (_controller, error) => reject(error),
        },
      );
    });
}
