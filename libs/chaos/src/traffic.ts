import { setTimeout as delay } from 'node:timers/promises';
import { REGIONS, SHORTEST_LEASE_SECONDS, TENANTS } from './chaos-settings.js';
import type { FailoverClient } from './failover-client.js';
import type { Random } from './random.js';
import { type BookEntry, type RelayBook, surelyLeasedUntil } from './relay-book.js';

export interface TrafficCounts {
  /** Acknowledged. */
  creates: number;
  deletes: number;
  /** Of the creates, those that were handed a spare. */
  claimed: number;
}

export interface TrafficOptions {
  clients: ReadonlyMap<string, FailoverClient>;
  book: RelayBook;
  counts: TrafficCounts;
  /** Names idempotency keys; unique in the run. */
  newKey: () => string;
}

export interface RunningTraffic {
  /** Sends nothing new; resolves once everything sent is answered or given up. */
  pause(): Promise<void>;
}

const LOOPS = 6;
/** Above so many relays in use, deletes take the place of creates. */
const CROWDED = 50;
const SHORT_LEASE_SECONDS = [SHORTEST_LEASE_SECONDS, 8] as const;
const LONG_LEASE_SECONDS = [300, 900] as const;

type Operation = (random: Random) => Promise<void>;

/** A steady mix of creates, deletes, renews, gets and lists by all tenants. `randomOf` gives each loop its own choices. */
export function startTraffic(options: TrafficOptions, randomOf: (loop: number) => Random): RunningTraffic {
  const operations = createOperations(options);
  let paused = false;
  async function loop(random: Random): Promise<void> {
    while (!paused) {
      await choose(operations, random, options.book)(random);
      await delay(random.int(40, 400));
    }
  }
  const loops = Promise.all(Array.from({ length: LOOPS }, (_, index) => loop(randomOf(index))));
  // Reported by `pause`; until then nobody listens.
  loops.catch(() => undefined);
  return {
    async pause() {
      paused = true;
      await loops;
    },
  };
}

function choose(operations: ReturnType<typeof createOperations>, random: Random, book: RelayBook): Operation {
  const crowded = book.wanted().length > CROWDED;
  return random.weighted([
    [crowded ? 0 : 24, operations.create],
    [crowded ? 0 : 2, operations.burst],
    [crowded ? 40 : 18, operations.remove],
    [12, operations.renew],
    [30, operations.get],
    [8, operations.list],
  ]);
}

function createOperations({ clients, book, counts, newKey }: TrafficOptions) {
  const clientOf = (tenant: string): FailoverClient => {
    const client = clients.get(tenant);
    if (client === undefined) throw new Error(`no client for tenant ${tenant}`);
    return client;
  };
  /** Carries out an operation on some relay in use, if there is one. */
  const onSome =
    (operation: (entry: BookEntry, id: string, client: FailoverClient, random: Random) => Promise<void>): Operation =>
    async (random) => {
      const wanted = book.wanted();
      if (wanted.length === 0) return;
      const entry = random.pick(wanted);
      if (entry.relayId !== null) await operation(entry, entry.relayId, clientOf(entry.tenant), random);
    };

  async function create(random: Random): Promise<void> {
    const [shortest, longest] = random.chance(0.25) ? SHORT_LEASE_SECONDS : LONG_LEASE_SECONDS;
    const leaseSeconds = random.int(shortest, longest);
    const tenant = random.pick(TENANTS).name;
    const key = newKey();
    const region = random.pick(REGIONS);
    const entry = book.ask({ tenant, key, region, leaseSeconds });
    const answer = await clientOf(tenant).create({ idempotencyKey: key, region, leaseSeconds });
    if (answer === null) return;
    counts.creates += 1;
    if (answer.status === 201) counts.claimed += 1;
    book.acknowledge(entry, answer.relay, answer.sentAt);
  }

  return {
    create,
    burst: async (random: Random) => {
      await Promise.all(Array.from({ length: random.int(5, 15) }, () => create(random)));
    },
    remove: onSome(async (entry, id, client) => {
      await removeRelay(entry, id, client, counts);
    }),
    renew: onSome(async (entry, id, client) => {
      const answer = await client.renew(id, entry.leaseSeconds);
      // An answer that was overtaken by a later one must not shorten what is known.
      if (answer !== null && answer.relay.leaseExpiresAt > surelyLeasedUntil(entry)) {
        entry.leases.push({ sentAt: answer.sentAt, endsAt: answer.relay.leaseExpiresAt });
      }
    }),
    get: onSome(async (_entry, id, client) => {
      await client.get(id);
    }),
    list: async (random: Random) => {
      await clientOf(random.pick(TENANTS).name).list(['active']);
    },
  };
}

/** Asks for the end of a relay and notes what was answered. */
export async function removeRelay(
  entry: BookEntry,
  id: string,
  client: FailoverClient,
  counts: TrafficCounts,
): Promise<void> {
  const removal = entry.removal ?? { sentAt: Date.now(), acknowledgedSentAt: null };
  entry.removal = removal;
  const answer = await client.remove(id);
  if (answer?.status !== 200 && answer?.status !== 202) return;
  if (removal.acknowledgedSentAt === null) counts.deletes += 1;
  removal.acknowledgedSentAt = answer.sentAt;
}
