import type { JobName } from '@aegis/queues';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Crash, type Cut, mortalParts } from './testing/interrupted-parts.js';
import { createRegionWorld, type RegionWorld } from './testing/region-world.js';
import { stockPool } from './testing/stock-pool.js';

/*
 * A process can die between any two of its effects. Each run below is cut at its k-th call to Redis, EC2 or its queue, before or
 * after the call took effect, for every k there is; then a fresh worker takes over, as after a `kill -9`.
 * docs/crash-points.md numbers the points and names what recovers from each.
 */

let world: RegionWorld;
beforeEach(async () => {
  world = await createRegionWorld();
});
afterEach(() => world.close());

/** Runs a job and cuts it; answers the call it died at, or null when the run ended before the cut. */
async function runCut(job: JobName, cut: Cut): Promise<string | null> {
  const { parts, calls } = mortalParts(world, cut);
  try {
    await world.worker(parts)(job);
    return null;
  } catch (error) {
    if (!(error instanceof Crash)) throw error;
    return `${cut.when} ${calls.at(-1)}`;
  }
}

/** What the safety ticks would do, until nothing changes any more. */
async function settle(): Promise<void> {
  const run = world.worker();
  for (let round = 0; round < 4; round++) {
    await run('orphan_sweep');
    await run('relay_launch');
    await run('relay_boot_watch');
    await world.checkInAll();
    await run('relay_terminate');
    world.advance(6_000);
  }
}

async function expectOneInstanceEach(count: number): Promise<void> {
  const relays = await world.relays();
  const live = await world.liveInstances();
  expect(relays.filter(({ state }) => state === 'active')).toHaveLength(count);
  expect(live.map(({ id }) => id).sort()).toEqual(relays.map(({ instanceId }) => instanceId).sort());
  // Never a second one, not even one that is gone again.
  expect(await world.instances()).toHaveLength(count);
}

async function everyCut(job: JobName, scene: () => Promise<void>, check: () => Promise<void>): Promise<string[]> {
  const points: string[] = [];
  for (const when of ['before', 'after'] as const) {
    for (let at = 0; at < 100; at++) {
      await scene();
      const point = await runCut(job, { at, when });
      await settle();
      await check();
      await world.startOver();
      if (point === null) break;
      points.push(point);
    }
  }
  return points;
}

describe('a worker that dies at any point', () => {
  test('of a launch: each relay gets exactly one instance', async () => {
    const points = await everyCut(
      'relay_launch',
      async () => {
        await settle();
        await world.create(3);
      },
      () => expectOneInstanceEach(3),
    );
    expect(new Set(points)).toEqual(
      new Set(
        ['beginRun', 'launchWork', 'openIntent', 'launch', 'settleIntent'].flatMap((call) => [
          `before ${call}`,
          `after ${call}`,
        ]),
      ),
    );
  });

  test('of a launch whose relays are deleted while it is under way: no instance is left', async () => {
    const points = await everyCut(
      'relay_launch',
      async () => {
        await settle();
        await world.create(2);
        // Its launch was cut off, and one of its relays deleted then.
        await world.sim.fault({ operation: 'RunInstances', effect: 'done', kind: { type: 'cut' } });
        await expect(world.worker()('relay_launch')).rejects.toThrow();
        const [first] = await world.relays();
        if (first) await world.front.requestTermination(first.id, { tenant: 'acme', now: world.now() });
      },
      async () => {
        for (const { id } of await world.relays()) {
          await world.front.requestTermination(id, { tenant: 'acme', now: world.now() });
        }
        await settle();
        expect(await world.liveInstances()).toEqual([]);
        expect((await world.relays()).map(({ state }) => state)).toEqual(['terminated', 'terminated']);
        expect(await world.instances()).toHaveLength(2);
      },
    );
    expect(points).toEqual(expect.arrayContaining(['after settleIntent', 'before trigger', 'after trigger']));
  });

  test('of an expiry: every lease that ended ends its relay', async () => {
    const points = await everyCut(
      'relay_expiry',
      async () => {
        await settle();
        await world.create(2);
        await settle();
        world.advance(601_000);
        await world.front.beat(world.region, world.now());
      },
      async () => {
        for (const job of ['relay_expiry', 'relay_terminate'] as const) await world.worker()(job);
        await settle();
        expect(await world.liveInstances()).toEqual([]);
        expect((await world.relays()).map(({ reason }) => reason)).toEqual(['lease_expired', 'lease_expired']);
      },
    );
    expect(points).toEqual(expect.arrayContaining(['before expireDue', 'after expireDue', 'before trigger']));
  });

  test('of a terminate: every instance goes, every relay ends', async () => {
    const points = await everyCut(
      'relay_terminate',
      async () => {
        await settle();
        await world.create(3);
        await settle();
        for (const { id } of await world.relays()) {
          await world.front.requestTermination(id, { tenant: 'acme', now: world.now() });
        }
      },
      async () => {
        expect(await world.liveInstances()).toEqual([]);
        expect((await world.relays()).map(({ state }) => state)).toEqual(['terminated', 'terminated', 'terminated']);
      },
    );
    expect(points).toEqual(expect.arrayContaining(['before terminate', 'after terminate', 'after recordTerminations']));
  });

  test('of a boot watch: every relay becomes active all the same', async () => {
    await everyCut(
      'relay_boot_watch',
      async () => {
        await settle();
        await world.create(2);
        await world.worker()('relay_launch');
      },
      () => expectOneInstanceEach(2),
    );
  });

  test('of the sweep that rebuilds a lost store: every relay is back, nothing is terminated', async () => {
    let ids: string[] = [];
    const points = await everyCut(
      'orphan_sweep',
      async () => {
        await settle();
        await world.create(3);
        await settle();
        ids = (await world.relays()).map(({ id }) => id);
        await world.loseStore();
      },
      async () => {
        expect((await world.relays()).map(({ id }) => id)).toEqual(ids);
        await expectOneInstanceEach(3);
      },
    );
    expect(points).toEqual(expect.arrayContaining(['after claimInstances', 'before finishSweep', 'after finishSweep']));
  });

  test('of a sweep that ends orphans: they go, and nothing else does', async () => {
    const points = await everyCut(
      'orphan_sweep',
      async () => {
        await settle();
        await world.create(2);
        await settle();
        const tags = { 'aegis:deployment': 'local' };
        await world.sim.seed({ region: world.region, launches: [{ count: 2, tags }] });
        await world.worker()('orphan_sweep');
        world.advance(10_000);
      },
      async () => {
        const relays = await world.relays();
        expect((await world.liveInstances()).map(({ id }) => id).sort()).toEqual(
          relays.map(({ instanceId }) => instanceId).sort(),
        );
        expect(relays.map(({ state }) => state)).toEqual(['active', 'active']);
      },
    );
    expect(points).toEqual(expect.arrayContaining(['after finishSweep', 'before terminate', 'after terminate']));
  });
});

describe('a worker that dies at any point of the warm pool', () => {
  async function fill(): Promise<void> {
    for (let round = 0; round < 2; round++) {
      await world.worker()('orphan_sweep');
      await stockPool(world);
    }
  }

  test('never makes more spares than wanted, and every claimed one gets its tenant', async () => {
    await world.close();
    world = await createRegionWorld({}, { warmPool: { size: 2, maxAgeSeconds: 3600, schedule: [] } });
    let claimed = '';
    const points = await everyCut(
      'warm_pool',
      async () => {
        await fill();
        const { outcome, relay } = await world.claim();
        expect(outcome).toBe('claimed');
        claimed = relay.instanceId ?? '';
      },
      async () => {
        await fill();
        expect((await world.relays('')).map(({ state }) => state)).toEqual(['active', 'active']);
        const live = await world.liveInstances();
        expect(live).toHaveLength(3);
        expect(live.find(({ id }) => id === claimed)?.tags['aegis:tenant']).toBe('acme');
        expect(await world.fleet.untagged(world.region, 9)).toEqual([]);
      },
    );
    expect(points).toEqual(
      expect.arrayContaining([
        'before setTags',
        'after setTags',
        'after tagged',
        'after stockWarmPool',
        'before trigger',
      ]),
    );
  });
});
