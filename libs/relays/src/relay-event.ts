import type { RelayState } from './relay.js';
import type { RelayEvent } from './relay-store.js';

/** `LETTER` of `lua/include/region.lua`, read backwards. */
const STATES: Readonly<Record<string, RelayState>> = {
  p: 'pending',
  l: 'launching',
  b: 'booting',
  a: 'active',
  t: 'terminating',
  e: 'terminated',
  f: 'failed',
};

export interface StoryPage {
  /** The `seq` of the last event already known. */
  after: number;
  limit: number;
}

/**
 * Unpacks a part of a relay's story, as `append_event` in `lua/include/region.lua` writes it. `bornAt`: the time in the
 * relay's id (Unix ms), which its own times count from.
 */
export function parseEvents(story: string, bornAt: number, { after, limit }: StoryPage): RelayEvent[] {
  const lines = story.split('\n');
  return lines.slice(after, after + limit).map((line, index) => {
    const [head = '', reason, attempt, awsRequestId] = line.split('|');
    return {
      seq: after + index + 1,
      at: bornAt + Number(head.slice(1)),
      from: stateOf(lines[after + index - 1]),
      to: stateOf(line) ?? 'pending',
      reason: reason || null,
      attempt: attempt ? Number(attempt) : null,
      awsRequestId: awsRequestId || null,
    };
  });
}

function stateOf(line: string | undefined): RelayState | null {
  return STATES[line?.[0] ?? ''] ?? null;
}
