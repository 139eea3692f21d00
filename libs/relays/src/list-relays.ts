import type { RedisClient } from './redis-client.js';
import { regionKeys } from './region-keys.js';
import type { Relay } from './relay.js';
import { firstIdSince, parseRelayId, relayIdOf } from './relay-id.js';
import { parseRelay } from './relay-record.js';
import type { ListRelays, ListResult } from './relay-store.js';

/** How many records one page may look at per region before it answers with what it has found. */
const SCAN_LIMIT = 2000;
const CURSOR = /^[0-9a-z]{16}$/;

/**
 * One page of a tenant's relays, newest first over all regions. The cursor is the time-ordered suffix of the last id
 * looked at, so pages stay stable while relays come and go. With a filter a page may hold fewer than `limit` relays
 * and still have a next one.
 */
export async function listRelays(
  redis: RedisClient,
  query: ListRelays,
  spareAgeMs: (region: string) => number,
): Promise<ListResult> {
  if (query.cursor !== undefined && !CURSOR.test(query.cursor)) return { outcome: 'bad_cursor' };
  const states = query.states && new Set(query.states);
  const relays: Relay[] = [];
  let cursor = query.cursor;
  for (let scanned = 0; scanned < SCAN_LIMIT; ) {
    const ids = await newestIds(redis, { query, cursor, spareAgeMs });
    for (const relay of await readRelays(redis, ids)) {
      if (states && !states.has(relay.state)) continue;
      if (query.createdAfter !== undefined && relay.createdAt <= query.createdAfter) continue;
      if (query.labels && !query.labels.every((label) => hasLabel(relay, label))) continue;
      relays.push(relay);
      if (relays.length === query.limit) {
        return { outcome: 'page', relays, nextCursor: parseRelayId(relay.id)?.suffix ?? null };
      }
    }
    if (ids.length < query.limit) return { outcome: 'page', relays, nextCursor: null };
    cursor = ids.at(-1)?.suffix;
    scanned += ids.length;
  }
  return { outcome: 'page', relays, nextCursor: cursor ?? null };
}

function hasLabel(relay: Relay, { key, value }: { key: string; value?: string }): boolean {
  if (!Object.hasOwn(relay.labels, key)) return false;
  return value === undefined || relay.labels[key] === value;
}

interface ListedId {
  id: string;
  region: string;
  suffix: string;
}

/** A warm relay's id tells when it was booted, which may be long before the create that it was handed to. */
function oldestId(region: string, createdAfter: number, spareAgeMs: number): string {
  return firstIdSince(region, Math.max(0, createdAfter + 1 - spareAgeMs));
}

interface Scan {
  query: ListRelays;
  cursor: string | undefined;
  spareAgeMs: (region: string) => number;
}

async function newestIds(redis: RedisClient, { query, cursor, spareAgeMs }: Scan): Promise<ListedId[]> {
  const { createdAfter, limit: count } = query;
  const perRegion = await Promise.all(
    query.regions.map(async (region) => {
      const from = cursor === undefined ? '+' : `(${relayIdOf(region, cursor)}`;
      const ids = await redis.zrange(
        regionKeys(region).tenant(query.tenant),
        from,
        createdAfter === undefined ? '-' : `[${oldestId(region, createdAfter, spareAgeMs(region))}`,
        'BYLEX',
        'REV',
        'LIMIT',
        0,
        count,
      );
      return ids.map((id) => ({ id, region, suffix: parseRelayId(id)?.suffix ?? '' }));
    }),
  );
  return perRegion
    .flat()
    .sort((a, b) => (a.suffix < b.suffix ? 1 : -1))
    .slice(0, count);
}

async function readRelays(redis: RedisClient, ids: readonly ListedId[]): Promise<Relay[]> {
  const read = await Promise.all(
    ids.map(async ({ id, region }) => {
      return parseRelay(id, region, await redis.hgetall(regionKeys(region).relay(id)));
    }),
  );
  return read.filter((relay) => relay !== null);
}
