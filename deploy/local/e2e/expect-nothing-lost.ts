import { expect } from '@jest/globals';
import { waitFor } from '../src/wait-for.js';
import { callApi } from './api-call.js';
import type { FailoverTraffic } from './failover-traffic.js';
import type { RelayAnswer } from './relay-client.js';
import type { TroubleStack } from './trouble-stack.js';

/** Every acknowledged create and delete has come true, once. The stack was new when the traffic began. */
export async function expectNothingLost(trouble: TroubleStack, { kept, deleted }: FailoverTraffic): Promise<void> {
  const known = async (id: string) => callApi(`${trouble.relaysUrl}/${id}`);
  const all = async (ids: ReadonlySet<string>, state: string) =>
    waitFor(`all ${ids.size} ${state}`, 60_000, async () => {
      const relays = (await Promise.all([...ids].map(known))).map(({ body }) => body);
      if (relays.every((relay) => relay.state === state)) return relays;
      throw new Error(JSON.stringify(relays.filter((relay) => relay.state !== state).slice(0, 3)));
    });
  const active = await all(kept, 'active');
  await all(deleted, 'terminated');
  // No create came true twice, and nothing else lives.
  const instances = active.map(({ instanceId }) => instanceId);
  await waitFor('no other instance lives', 30_000, async () => (await trouble.liveInstances()).length === kept.size);
  expect((await trouble.liveInstances()).map(({ id }) => id).toSorted()).toEqual(instances.toSorted());
  const { body } = await callApi<{ relays: RelayAnswer[] }>(`${trouble.relaysUrl}?limit=200`);
  const listed = body.relays.map(({ id }) => id);
  expect(listed.filter((id) => !kept.has(id) && !deleted.has(id))).toEqual([]);
}
