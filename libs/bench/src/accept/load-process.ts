// The load comes from a process of its own, so that it is not measured as part of what it loads.
import { Pool } from 'undici';
import { type LoadOptions, load } from './load.js';

/** One order over the process channel; the answer is a `LoadResult`. */
export interface LoadOrder extends LoadOptions {
  url: string;
}

process.on('message', async (order: LoadOrder) => {
  const pool = new Pool(order.url, { connections: order.connections });
  try {
    process.send?.({ result: await load(pool, order) });
  } catch (error) {
    process.send?.({ error: error instanceof Error ? error.message : String(error) });
  } finally {
    await pool.destroy();
  }
});
process.on('disconnect', () => process.exit());
