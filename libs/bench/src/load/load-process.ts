// The load comes from a process of its own, so that it is not measured as part of what it loads.
import { Pool } from 'undici';
import { type LoadOptions, load } from './load.js';

/** One order over the process channel; the answer is a `LoadResult`. */
export interface LoadOrder extends LoadOptions {
  urls: string[];
}

process.on('message', async ({ urls, ...options }: LoadOrder) => {
  const pools = urls.map((url) => new Pool(url, { connections: options.connections }));
  try {
    process.send?.({ result: await load(pools, options) });
  } catch (error) {
    process.send?.({ error: error instanceof Error ? error.message : String(error) });
  } finally {
    await Promise.all(pools.map((pool) => pool.destroy()));
  }
});
process.on('disconnect', () => process.exit());
