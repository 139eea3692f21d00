import { CloudError } from './cloud-error.js';
import type { BatchFailure } from './cloud-provider.js';
import { slices } from './slices.js';

/** EC2 takes this many instances in one mutating call. */
const MAX_INSTANCES_PER_CALL = 1000;

export interface BatchResult<Done> {
  done: Done[];
  missing: string[];
  failures: BatchFailure[];
}

/**
 * Runs a call over any number of instances. One unknown id fails a whole call and EC2 names the ids, so those are set
 * aside and the call is made again for the rest; each round has fewer ids than the one before.
 */
export async function inBatches<Done>(
  instanceIds: readonly string[],
  call: (instanceIds: string[]) => Promise<Done[]>,
): Promise<BatchResult<Done>> {
  const result: BatchResult<Done> = { done: [], missing: [], failures: [] };
  for (const batch of slices([...new Set(instanceIds)], MAX_INSTANCES_PER_CALL)) {
    let rest = batch;
    while (rest.length > 0) {
      try {
        result.done.push(...(await call(rest)));
        break;
      } catch (error) {
        if (!(error instanceof CloudError)) throw error;
        const unknown = unknownIds(error, rest);
        if (unknown.size === 0) {
          result.failures.push({ instanceIds: rest, error });
          break;
        }
        result.missing.push(...unknown);
        rest = rest.filter((id) => !unknown.has(id));
      }
    }
  }
  return result;
}

/** Those of the ids asked for that EC2 says it does not know. */
function unknownIds({ failure }: CloudError, asked: readonly string[]): Set<string> {
  if (failure.kind !== 'not_found') return new Set();
  const named = new Set(failure.instanceIds);
  return new Set(asked.filter((id) => named.has(id)));
}
