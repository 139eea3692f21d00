import type { Pool } from 'undici';
import { percentile } from '../statistics.js';

/** One kind of request, sent again and again. */
export interface LoadRequest {
  method: 'GET' | 'POST';
  /** Taken in turn. */
  paths: string[];
  headers: Record<string, string>;
  body?: string;
}

export interface LoadOptions {
  request: LoadRequest;
  connections: number;
  seconds: number;
  /** Requests a second, whatever the answers take; absent: each connection sends as soon as it has its answer. */
  rate?: number;
}

export interface LoadResult {
  /** Answers a second. */
  rate: number;
  /** Milliseconds from when a request was to be sent, so that a server that falls behind cannot hide it. */
  p50: number;
  p99: number;
}

/** Loads a server for some seconds. Rejects at the first answer that is no success. */
export async function load(pool: Pool, options: LoadOptions): Promise<LoadResult> {
  const { seconds, rate } = options;
  const latencies: number[] = [];
  const send = createSender(pool, options.request);
  const startedAt = performance.now();
  const endsAt = startedAt + seconds * 1000;
  const sendAndTime = async (dueAt: number): Promise<void> => {
    await send();
    latencies.push(performance.now() - dueAt);
  };
  if (rate === undefined) {
    const connection = async (): Promise<void> => {
      while (performance.now() < endsAt) await sendAndTime(performance.now());
    };
    await Promise.all(Array.from({ length: options.connections }, connection));
  } else {
    await atRate(rate, seconds, sendAndTime);
  }
  const elapsed = (performance.now() - startedAt) / 1000;
  return { rate: latencies.length / elapsed, p50: percentile(latencies, 50), p99: percentile(latencies, 99) };
}

/** Sends each request when its time has come, in millisecond steps, and waits for the last answer. */
async function atRate(rate: number, seconds: number, send: (dueAt: number) => Promise<void>): Promise<void> {
  const startedAt = performance.now();
  const total = Math.floor(rate * seconds);
  const answers: Promise<void>[] = [];
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      const due = Math.min(total, Math.floor(((performance.now() - startedAt) / 1000) * rate));
      while (answers.length < due) answers.push(send(startedAt + (answers.length / rate) * 1000));
      if (answers.length < total) return;
      clearInterval(timer);
      resolve();
    }, 1);
  });
  await Promise.all(answers);
}

/** By undici's handlers, not its promises and streams: the load must cost little beside what it measures. */
function createSender(pool: Pool, request: LoadRequest): () => Promise<void> {
  const { method, paths, headers, body = null } = request;
  let sent = 0;
  return () =>
    new Promise((resolve, reject) => {
      const path = paths[sent++ % paths.length] ?? '/';
      let status = 0;
      pool.dispatch(
        { method, path, headers, body },
        {
          onRequestStart: () => undefined,
          onResponseStart: (_controller, statusCode) => {
            status = statusCode;
          },
          onResponseData: () => undefined,
          onResponseEnd: () => {
            if (status >= 200 && status < 300) resolve();
            else reject(new Error(`${method} ${path} answered ${status}`));
          },
          onResponseError: (_controller, error) => reject(error),
        },
      );
    });
}
