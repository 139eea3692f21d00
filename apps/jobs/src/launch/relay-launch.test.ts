import { randomInt } from 'node:crypto';
import { issueLaunchToken, newRelayId } from '@aegis/relays';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createRegionWorld, type RegionWorld } from '../testing/region-world.js';

let world: RegionWorld;
beforeEach(async () => {
  world = await createRegionWorld();
  await world.worker()('orphan_sweep');
});
afterEach(() => world.close());

const launch = () => world.worker()('relay_launch');
const states = async () => (await world.relays()).map(({ state }) => state).sort();
const launches = async () =>
  (await world.sim.calls({ region: world.region })).calls.filter(({ operation }) => operation === 'RunInstances');

/** One relay for each type asked for; null asks for any. */
async function ask(...types: (string | null)[]): Promise<void> {
  for (const instanceType of types) {
    await world.front.create({
      id: newRelayId(world.region, world.now(), randomInt),
      tenant: 'acme',
      region: world.region,
      labels: { asked: instanceType ?? 'any' },
      instanceType: instanceType ?? undefined,
      leaseSeconds: 600,
      maxLifetimeSeconds: 3600,
      now: world.now(),
    });
  }
}

describe('a launch', () => {
  test('takes all pending relays in one call, each relay its own instance', async () => {
    await world.create(60);
    await launch();
    expect(await launches()).toHaveLength(1);
    const relays = await world.relays();
    expect(new Set(relays.map(({ instanceId }) => instanceId)).size).toBe(60);
    expect(new Set(relays.map(({ state }) => state))).toEqual(new Set(['booting']));
  });

  test('goes to the next offering for what did not fit the first', async () => {
    await world.sim.setCapacity({ instanceType: 't3.micro', limit: 2 });
    await world.create(5);
    await launch();
    const types = (await world.instances()).map(({ instanceType }) => instanceType).sort();
    expect(types).toEqual(['t3.micro', 't3.micro', 't3.small', 't3.small', 't3.small']);
    expect(await states()).toEqual(Array(5).fill('booting'));
  });

  test('fails with no_capacity once every offering was refused, and does not ask again for a while', async () => {
    await world.sim.setCapacity({ instanceType: 't3.micro', limit: 0 });
    await world.sim.setCapacity({ instanceType: 't3.small', limit: 0 });
    const run = world.worker();
    await world.create(2);
    await run('relay_launch');
    expect(await states()).toEqual(['failed', 'failed']);
    expect((await world.relays())[0]).toMatchObject({ reason: 'no_capacity', failure: { code: 'no_capacity' } });
    await world.create(1);
    await run('relay_launch');
    expect(await launches()).toHaveLength(2);
  });

  test('that EC2 takes only in part is no tenant’s alone: tenants take turns', async () => {
    const crowd = await world.create(30);
    const { relay: single } = await world.front.create({
      id: newRelayId(world.region, world.now(), randomInt),
      tenant: 'other',
      region: world.region,
      labels: {},
      leaseSeconds: 600,
      maxLifetimeSeconds: 3600,
      now: world.now(),
    });
    const turns = (await world.fleet.launchWork(world.region, 100)).waiting.map(({ id }) => id);
    expect(turns).toHaveLength(crowd.length + 1);
    expect(turns.indexOf(single.id)).toBeLessThan(3);
  });

  test('those whose time is over do not stand in the way of those behind them', async () => {
    await world.create(60);
    world.advance(901_000);
    const [fresh] = await world.create(1);
    // Nothing is left of EC2's bucket, so few are looked at.
    const cloud = { ...world.cloud, launchAllowance: () => ({ instances: 0, waitMs: 0 }) };
    await world.worker({ cloud })('relay_launch');
    const states = (await world.relays()).map(({ id, state }) => [id, state]);
    expect(states.filter(([, state]) => state !== 'pending')).toEqual([[fresh?.id, 'booting']]);
  });

  test('gives who asks for a type an instance of that type and no other', async () => {
    await ask(null, 't3.small', null, 't3.small', 't3.micro');
    await launch();
    expect(await launches()).toHaveLength(2);
    const instances = new Map((await world.instances()).map(({ id, instanceType }) => [id, instanceType]));
    const relays = await world.relays();
    const got = relays.map(({ labels, instanceId }) => [labels.asked, instances.get(instanceId ?? '')].join());
    expect(got.sort()).toEqual([
      'any,t3.micro',
      'any,t3.micro',
      't3.micro,t3.micro',
      't3.small,t3.small',
      't3.small,t3.small',
    ]);
    for (const { instanceId, instanceType } of relays) expect(instanceType).toBe(instances.get(instanceId ?? ''));
  });

  test('fails who asks for a type that is exhausted, and tells the api, until there is some again', async () => {
    await world.sim.setCapacity({ instanceType: 't3.small', limit: 0 });
    const run = world.worker();
    await ask('t3.small', null);
    await run('relay_launch');
    const failed = (await world.relays()).find(({ labels }) => labels.asked === 't3.small');
    expect(failed).toMatchObject({ state: 'failed', reason: 'no_capacity', instanceType: 't3.small' });
    expect(failed?.failure?.message).toContain('t3.small');
    expect(await states()).toEqual(['booting', 'failed']);
    const { exhausted } = await world.front.inventory(world.region);
    expect([...exhausted.keys()]).toEqual(['t3.small']);
    expect(exhausted.get('t3.small')).toBeGreaterThan(world.now());

    await world.sim.clearCapacity();
    world.advance(181_000);
    await ask('t3.small');
    await run('relay_launch');
    expect((await world.front.inventory(world.region)).exhausted.size).toBe(0);
    expect(await states()).toEqual(['booting', 'booting', 'failed']);
  });

  test('keeps its token out of the store and gives it to the instance, also when it is replayed', async () => {
    await world.sim.fault({ operation: 'RunInstances', effect: 'done', kind: { type: 'cut' } });
    await world.create(1);
    await expect(launch()).rejects.toThrow();
    const [stored = ''] = await world.redis.hvals(`{aegis:${world.region}}:intents`);
    const token = issueLaunchToken(world.config.secret, (JSON.parse(stored) as { id: string }).id);
    expect(stored).not.toContain(token.slice(-32));
    await launch();
    expect(await states()).toEqual(['booting']);
    const [instance, ...others] = await world.instances();
    expect(others).toEqual([]);
    expect((await world.sim.instance(instance?.id ?? '')).userData).toContain(token);
  });

  test('tells a quota apart from want of capacity', async () => {
    await world.sim.fault({ operation: 'RunInstances', kind: { type: 'error', code: 'VcpuLimitExceeded' } });
    await world.create(1);
    await launch();
    expect((await world.relays())[0]).toMatchObject({ state: 'failed', reason: 'quota_exceeded' });
  });

  test('that EC2 refuses for good fails its relays; what is asked later is launched', async () => {
    await world.sim.fault({ operation: 'RunInstances', kind: { type: 'error', code: 'InvalidAMIID.NotFound' } });
    await world.create(1);
    await launch();
    expect((await world.relays())[0]).toMatchObject({ state: 'failed', reason: 'launch_rejected' });
    await world.create(1);
    await launch();
    expect(await states()).toEqual(['booting', 'failed']);
  });

  test('without credentials leaves its relays waiting and fails the run', async () => {
    await world.sim.fault({ operation: 'RunInstances', kind: { type: 'auth' } });
    await world.create(2);
    await expect(launch()).rejects.toThrow(/AuthFailure/);
    expect(await states()).toEqual(['pending', 'pending']);
    await launch();
    expect(await states()).toEqual(['booting', 'booting']);
  });

  test.each(['cut', 'hang-free 503'])(
    'whose answer is lost (%s) after the effect is replayed, not repeated',
    async (how) => {
      const kind = how === 'cut' ? ({ type: 'cut' } as const) : ({ type: 'http', status: 503 } as const);
      await world.sim.fault({ operation: 'RunInstances', effect: 'done', kind });
      await world.create(3);
      await expect(launch()).rejects.toThrow();
      expect(await states()).toEqual(Array(3).fill('launching'));
      // A refusal that EC2 makes before it looks at the token proves nothing about the first attempt.
      await world.sim.fault({ operation: 'RunInstances', kind: { type: 'error', code: 'RequestLimitExceeded' } });
      await expect(launch()).rejects.toThrow(/RequestLimitExceeded/);
      expect(await states()).toEqual(Array(3).fill('launching'));
      await launch();
      expect(await states()).toEqual(Array(3).fill('booting'));
      expect(await world.instances()).toHaveLength(3);
    },
  );

  test('whose instances were terminated before it was heard of ends its relays', async () => {
    await world.sim.fault({ operation: 'RunInstances', effect: 'done', kind: { type: 'cut' } });
    await world.create(2);
    await expect(launch()).rejects.toThrow();
    await world.sim.terminateOutside((await world.instances()).map(({ id }) => id));
    await launch();
    expect(await states()).toEqual(['failed', 'failed']);
    expect((await world.relays())[0]).toMatchObject({ reason: 'instance_lost' });
    expect(await world.instances()).toHaveLength(2);
  });

  test('whose token was used with other parameters adopts what it launched and starts anew with the rest', async () => {
    await world.create(2);
    await world.sim.fault({ operation: 'RunInstances', effect: 'done', kind: { type: 'cut' } });
    await expect(launch()).rejects.toThrow();
    await world.sim.fault({ operation: 'RunInstances', kind: { type: 'error', code: 'IdempotentParameterMismatch' } });
    await launch();
    expect(await states()).toEqual(['booting', 'booting']);
    expect(await world.instances()).toHaveLength(2);
  });

  test('waits while an operator has frozen launches', async () => {
    await world.front.setFreeze(world.region, { launch: true });
    await world.create(1);
    await launch();
    expect(await states()).toEqual(['pending']);
    await world.front.setFreeze(world.region, { launch: false });
    await launch();
    expect(await states()).toEqual(['booting']);
  });
});

test('spot capacity that runs out falls back to on-demand, and is probed with one launch later', async () => {
  const spot = await createRegionWorld({}, { spot: 'prefer', instanceTypes: ['t3.micro'] });
  try {
    const run = spot.worker();
    await run('orphan_sweep');
    await spot.sim.setCapacity({ market: 'spot', limit: 2 });
    await spot.create(3);
    await run('relay_launch');
    const markets = async () => (await spot.instances()).map(({ market }) => market).sort();
    expect(await markets()).toEqual(['on-demand', 'spot', 'spot']);
    await spot.sim.clearCapacity();
    spot.advance(181_000);
    await spot.create(3);
    await run('relay_launch');
    expect(await markets()).toEqual(['on-demand', ...Array(5).fill('spot')]);
    const sizes = (await spot.sim.calls({ region: spot.region })).calls
      .filter(({ operation }) => operation === 'RunInstances')
      .map(({ instances }) => instances);
    expect(sizes.slice(-2)).toEqual([1, 2]);
  } finally {
    await spot.close();
  }
});

describe('an image named by an SSM parameter', () => {
  const byName = { imageId: 'resolve:ssm:/golden/ami' };
  const images = async (cloud: RegionWorld) => (await cloud.instances()).map(({ imageId }) => imageId);

  test('is the one the parameter names at the launch; a replay asks for the very same and launches nothing', async () => {
    const named = await createRegionWorld({}, byName);
    try {
      const run = named.worker();
      await run('orphan_sweep');
      await named.sim.setImageParameter({ name: '/golden/ami', imageId: 'ami-0abcdef1234567890' });
      await named.sim.fault({ operation: 'RunInstances', effect: 'done', kind: { type: 'cut' } });
      await named.create(2);
      await expect(run('relay_launch')).rejects.toThrow();
      await named.sim.setImageParameter({ name: '/golden/ami', imageId: 'ami-0123456789abcdef0' });
      await run('relay_launch');
      expect(await images(named)).toEqual(Array(2).fill('ami-0abcdef1234567890'));
      await named.create(1);
      await run('relay_launch');
      expect((await images(named)).sort().at(0)).toBe('ami-0123456789abcdef0');
      expect((await named.relays()).map(({ state }) => state)).toEqual(Array(3).fill('booting'));
    } finally {
      await named.close();
    }
  });

  test('that does not exist fails its relays and says so', async () => {
    const named = await createRegionWorld({}, byName);
    try {
      const run = named.worker();
      await run('orphan_sweep');
      await named.create(1);
      await run('relay_launch');
      expect(await named.relays()).toMatchObject([
        {
          state: 'failed',
          reason: 'launch_rejected',
          failure: { message: expect.stringContaining('SsmInvalidParameter') },
        },
      ]);
    } finally {
      await named.close();
    }
  });
});

test('an instance that dies while it boots fails its relay', async () => {
  await world.create(2);
  await launch();
  const [victim] = await world.instances();
  await world.sim.kill({ instanceIds: [victim?.id ?? ''], code: 'Server.InternalError' });
  await world.worker()('relay_boot_watch');
  await world.checkInAll();
  expect(await states()).toEqual(['active', 'failed']);
});

test('a launch that EC2 never answers for is given up when its relay has waited too long, and its instance ended', async () => {
  await world.create(1);
  await world.sim.fault({
    operation: 'RunInstances',
    effect: 'done',
    count: null,
    kind: { type: 'http', status: 503 },
  });
  await expect(launch()).rejects.toThrow();
  expect(await states()).toEqual(['launching']);
  // Leases outlast it.
  const [relay] = await world.relays();
  await world.front.renew(relay?.id ?? '', { tenant: 'acme', leaseSeconds: 7_200, now: world.now() });
  world.advance(901_000);
  await world.front.beat(world.region, world.now());
  await world.worker()('relay_expiry');
  expect(await states()).toEqual(['terminating']);
  await world.sim.clearFaults();
  await launch();
  await world.worker()('relay_terminate');
  world.advance(2_000);
  await world.worker()('relay_terminate');
  expect(await world.relays()).toMatchObject([{ state: 'failed', failure: { code: 'launch_timeout' } }]);
  expect(await world.liveInstances()).toEqual([]);
});

test('a run that was frozen before its call wakes up too late to launch what others have launched', async () => {
  await world.create(1);
  let wake = () => {};
  const woken = new Promise<void>((resolve) => {
    wake = resolve;
  });
  let fallAsleep = () => {};
  const asleep = new Promise<void>((resolve) => {
    fallAsleep = resolve;
  });
  const openIntent: typeof world.fleet.openIntent = async (...args) => {
    const outcome = await world.fleet.openIntent(...args);
    fallAsleep();
    await woken;
    return outcome;
  };
  const frozen = world.worker({ store: { ...world.fleet, openIntent } })('relay_launch');
  await asleep;
  world.advance(31_000);
  await world.sim.fault({ operation: 'RunInstances', kind: { type: 'error', code: 'InsufficientInstanceCapacity' } });
  await launch();
  expect(await world.instances()).toHaveLength(1);
  wake();
  await frozen;
  expect(await world.instances()).toHaveLength(1);
});
