import { randomInt } from 'node:crypto';
import { MAX_BATCH } from '@aegis/ec2';
import type { SimControl } from '@aegis/ec2-sim';
import { newRelayId } from '@aegis/relays';
import { bootBatch } from '../seed/boot-batch.js';
import type { Stores } from '../seed/stores.js';

export const REGION = 'us-east-1';
/** Of the local stack. */
export const TENANT = 'local';

const LEASE_SECONDS = 86_400;

export interface SeedTarget extends Stores {
  sim: SimControl;
}

/** Brings relays to life with an instance each in the simulator; see `bootBatch`. Answers the ids. */
export async function seedRelays(target: SeedTarget, count: number, until: 'active' | 'booting'): Promise<string[]> {
  const ids: string[] = [];
  while (ids.length < count) ids.push(...(await seedBatch(target, Math.min(MAX_BATCH, count - ids.length), until)));
  return ids;
}

async function seedBatch({ sim, ...stores }: SeedTarget, count: number, until: 'active' | 'booting') {
  const now = Date.now();
  const ids = Array.from({ length: count }, () => newRelayId(REGION, now, randomInt));
  await Promise.all(ids.map((id) => stores.front.create(createOf(id, now))));
  await bootBatch(stores, {
    region: REGION,
    relays: ids.map((id) => ({ id, tenant: TENANT })),
    until,
    now,
    async launch({ clientToken, tags }) {
      const launch = { count, clientToken, tags: Object.fromEntries(tags.map(({ key, value }) => [key, value])) };
      const { launches } = await sim.seed({ region: REGION, launches: [launch] });
      return launches[0]?.instanceIds ?? [];
    },
  });
  return ids;
}

function createOf(id: string, now: number) {
  const labels = { purpose: 'benchmark' };
  return { id, tenant: TENANT, region: REGION, labels, leaseSeconds: LEASE_SECONDS, maxLifetimeSeconds: 604_800, now };
}
