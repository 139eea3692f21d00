import { startChild } from './child.js';
import type { LoadResult } from './load.js';
import type { LoadOrder } from './load-process.js';

/** A process that loads servers as it is told to, one load after the other. */
export interface Loader {
  load(order: LoadOrder): Promise<LoadResult>;
  stop(): Promise<void>;
}

export function startLoader(): Loader {
  const child = startChild('load/load-process');
  return {
    async load(order) {
      child.send(order);
      const answer = await child.next<{ result: LoadResult } | { error: string }>();
      if ('error' in answer) throw new Error(answer.error);
      return answer.result;
    },
    stop: () => child.stop(),
  };
}
