import { createSimControl } from '@aegis/ec2-sim';
import type { Stack } from '@aegis/local-stack';
import { Redis } from 'ioredis';
import { type ApiClient, createApiClient } from '../api-client.js';
import { openStores } from '../seed/stores.js';
import { untilInventory } from '../until-inventory.js';
import { callsSince, readEc2Calls } from './ec2-calls.js';
import { type Side, secondsSince } from './side.js';

const REGION = 'us-east-1';
const CONNECTIONS = 32;

async function checkAllServe(api: ApiClient, relays: number): Promise<void> {
  let serving = 0;
  let cursor: string | null = '';
  while (cursor !== null) {
    const page: Awaited<ReturnType<ApiClient['page']>> = await api.page(
      `state=active&limit=200${cursor && `&cursor=${cursor}`}`,
    );
    serving += page.relays.filter((relay) => relay.address !== null).length;
    cursor = page.nextCursor;
  }
  if (serving !== relays) throw new Error(`${serving} of ${relays} relays are active with an address`);
}

/** The product: all relays asked for at once through the api, and ended at once. */
export async function runProduct(stack: Stack, relays: number): Promise<Side> {
  const sim = createSimControl(stack.sim.url);
  const api = createApiClient(stack.apiUrl, CONNECTIONS);
  const redis = new Redis(stack.redisUrl);
  const { front } = openStores(redis, REGION);
  try {
    const before = await readEc2Calls(sim, REGION);
    const askedAt = performance.now();
    const created = await Promise.all(Array.from({ length: relays }, () => api.create()));
    await untilInventory(front, REGION, ({ counts }) => counts.active === relays);
    const activeSeconds = secondsSince(askedAt);
    await checkAllServe(api, relays);

    const endedAt = performance.now();
    await Promise.all(created.map(({ id }) => api.remove(id)));
    await untilInventory(front, REGION, ({ counts }) => counts.terminated === relays);
    const goneSeconds = secondsSince(endedAt);
    const { running, pending } = (await sim.state({ region: REGION, instances: false })).regions[REGION]?.counts ?? {};
    if (running !== 0 || pending !== 0) throw new Error('instances are left');
    return { relays, activeSeconds, goneSeconds, calls: callsSince(await readEc2Calls(sim, REGION), before) };
  } finally {
    redis.disconnect();
    await api.close();
  }
}
