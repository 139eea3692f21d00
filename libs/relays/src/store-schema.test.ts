import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { connectTo, deleteKeys, keysOf, startOwnTestRedis } from '@aegis/local-stack';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Cluster, Redis } from 'ioredis';
import type { Migration } from './migrations.js';
import { createRedisFleetStore } from './redis-fleet-store.js';
import { createRedisRelayStore } from './redis-relay-store.js';
import { newRelayId } from './relay-id.js';
import { relayTiming } from './relay-timing.js';
import { createStoreSchema } from './store-schema.js';

/** Of this suite alone: what the deployment keeps beyond regions has no region's name in its keys. */
let server: Awaited<ReturnType<typeof startOwnTestRedis>>;
let redis: Redis | Cluster;
const FIXTURE = fileURLToPath(new URL('../test/fixture-migration.mjs', import.meta.url));
const timing = relayTiming({
  pendingTimeoutSeconds: 900,
  bootTimeoutSeconds: 300,
  heartbeatTimeoutSeconds: 60,
  readiness: 'checkin',
});

let region: string;
let meta: string;
beforeAll(async () => {
  server = await startOwnTestRedis();
  redis = connectTo(server.url);
}, 90_000);
beforeEach(async () => {
  await deleteKeys(redis, '*');
  region = `us-schema${randomInt(1e9)}-1`;
  meta = `{aegis:${region}}:meta`;
});
afterAll(async () => {
  await redis?.quit();
  await server?.stop();
}, 30_000);

const DEPLOYMENT = '{aegis:deployment}:meta';
const schemaOf = (key: string) => redis.hmget(key, 'schema', 'schemaOldest');
const process1 = () => createStoreSchema({ redis, regions: [region], newToken: randomUUID });

/** A process of a release with these steps, each of which leaves its number behind. */
function releaseWith(...steps: Partial<Migration>[]) {
  const migrations = steps.map((step, index) => ({
    to: index + 2,
    oldestProcess: index + 1,
    region: async (client: Parameters<NonNullable<Migration['region']>>[0], name: string) => {
      await client.rpush(`steps:${name}`, step.to ?? index + 2);
    },
    ...step,
  }));
  return createStoreSchema({ redis, regions: [region], newToken: randomUUID, migrations });
}

function createRelay(client = redis) {
  const store = createRedisRelayStore({ redis: client, regions: [region], timing });
  const now = Date.now();
  const id = newRelayId(region, now, randomInt);
  return store.create({ id, tenant: 'acme', region, labels: {}, leaseSeconds: 600, maxLifetimeSeconds: 6000, now });
}

describe('a store', () => {
  test('that is empty gets the version of who uses it first', async () => {
    expect(await process1().ensure()).toEqual([
      { region, from: null, to: 1 },
      { region: null, from: null, to: 1 },
    ]);
    expect([await schemaOf(meta), await schemaOf(DEPLOYMENT)]).toEqual([
      ['1', '1'],
      ['1', '1'],
    ]);
    expect(await process1().ensure()).toEqual([]);
  });

  test('gets none beyond its regions from who may not look at what is kept there', async () => {
    const regional = createStoreSchema({ redis, regions: [region], newToken: randomUUID, keepsDeployment: false });
    expect(await regional.ensure()).toEqual([{ region, from: null, to: 1 }]);
    expect(await schemaOf(DEPLOYMENT)).toEqual([null, null]);
    expect(await process1().ensure()).toEqual([{ region: null, from: null, to: 1 }]);
    await redis.hset(DEPLOYMENT, { schema: 3, schemaOldest: 2 });
    await expect(regional.ensure()).rejects.toThrow(/keys and quotas/);
  });

  test('gets it with its first relay, too, when it was emptied meanwhile', async () => {
    await createRelay();
    expect(await schemaOf(meta)).toEqual(['1', '1']);
  });

  test('with data and no version is of version 1, and is migrated step by step, once', async () => {
    await createRelay();
    await redis.hdel(meta, 'schema', 'schemaOldest');
    await redis.set('{aegis:quotas}:version', 1);
    const moved = await releaseWith({}, {}).ensure();
    expect(moved).toEqual(
      expect.arrayContaining([
        { region, from: 1, to: 2 },
        { region, from: 2, to: 3 },
        { region: null, from: 1, to: 2 },
        { region: null, from: 2, to: 3 },
      ]),
    );
    expect(moved).toHaveLength(4);
    expect(await releaseWith({}, {}).ensure()).toEqual([]);
    expect(await redis.lrange(`steps:${region}`, 0, -1)).toEqual(['2', '3']);
    expect(await schemaOf(meta)).toEqual(['3', '2']);
  });

  test('that a migration failed on keeps its version, is free for the next try, and passes it', async () => {
    await process1().ensure();
    const failing = releaseWith({
      region: async () => {
        throw new Error('out of luck');
      },
    });
    await expect(failing.ensure()).rejects.toThrow('out of luck');
    expect(await schemaOf(meta)).toEqual(['1', '1']);
    expect(await releaseWith({}).ensure()).toContainEqual({ region, from: 1, to: 2 });
  });
});

describe('releases side by side', () => {
  test('an older process goes on with a store that was only added to, and refuses one that lost something', async () => {
    await process1().ensure();
    await releaseWith({}).ensure();
    expect(await process1().ensure()).toEqual([]);
    await expect(createRelay()).resolves.toMatchObject({ outcome: 'created' });

    await releaseWith({}, { oldestProcess: 3 }).ensure();
    await expect(process1().ensure()).rejects.toMatchObject({
      forOperator: true,
      message:
        `the store of ${region} in Redis has schema version 3, for processes of version 3 or newer, and this process has ` +
        'version 1: run the newer release, or restore a backup of Redis from before its upgrade (docs/upgrading.md)',
    });
  });

  test('a process that no longer knows the first steps says which release is missing', async () => {
    await process1().ensure();
    await expect(releaseWith({ to: 5 }).ensure()).rejects.toMatchObject({
      forOperator: true,
      message:
        `the store of ${region} in Redis has schema version 1, and this process has version 5 and migrates from version 4 ` +
        'on: run a release in between first (docs/upgrading.md)',
    });
  });

  test('a store of an unknown future says so, whatever its version looks like', async () => {
    await redis.hset(meta, 'schema', '9');
    await expect(process1().ensure()).rejects.toThrow('has schema version 9, for processes of version 9 or newer');
    await redis.hset(meta, 'schema', 'abc');
    await expect(process1().ensure()).rejects.toThrow('has schema version abc');
  });

  test('no script touches a store of another layout, nor one that is not migrated yet', async () => {
    const fleet = createRedisFleetStore({ redis, timing, newToken: randomUUID });
    await redis.hset(meta, 'schema', '3', 'schemaOldest', '3');
    await expect(createRelay()).rejects.toThrow('SCHEMA the store has version 3, this process 1');
    const fence = await fleet.beginRun(region, 'relay_expiry');
    await expect(fleet.expireDue(fence, 0, 1)).rejects.toThrow('SCHEMA ');
    await redis.hset(meta, 'schema', '0', 'schemaOldest', '0');
    await expect(createRelay()).rejects.toThrow('SCHEMA the store has version 0, this process 1');
    expect(await keysOf(redis, `{aegis:${region}}:relay:*`)).toEqual([]);
  });
});

describe('processes that migrate at once', () => {
  const children: ChildProcess[] = [];
  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
  });

  async function startNewRelease() {
    const child = spawn(process.execPath, [FIXTURE, server.url, region], { stdio: ['pipe', 'pipe', 'inherit'] });
    children.push(child);
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    expect((await lines.next()).value).toBe('ready');
    return {
      async migrate(): Promise<unknown[]> {
        child.stdin.write('go\n');
        const ended = once(child, 'exit');
        const changes = JSON.parse((await lines.next()).value ?? 'null') as unknown[];
        expect(await ended).toEqual([0, null]);
        return changes;
      },
    };
  }

  test('three of them: the step runs once, all wait for it, all go on', async () => {
    await process1().ensure();
    for (let i = 0; i < 5; i += 1) await createRelay();
    const replicas = await Promise.all([startNewRelease(), startNewRelease(), startNewRelease()]);
    const changes = await Promise.all(replicas.map((replica) => replica.migrate()));
    expect(changes.flat().filter((change) => (change as { region: string | null }).region === region)).toHaveLength(1);
    expect(await redis.get(`runs:${region}`)).toBe('1');
    expect(await schemaOf(meta)).toEqual(['2', '1']);
    const relays = await keysOf(redis, `{aegis:${region}}:relay:*`);
    expect(relays).toHaveLength(5);
    for (const key of relays) expect(await redis.hget(key, 'owner')).toBe('acme');
    expect(await redis.exists(`{aegis:${region}}:migrating`)).toBe(0);
  }, 30_000);

  test('one that dies in the midst of it: the next takes over, and who lost the lock cannot call it done', async () => {
    await process1().ensure();
    await redis.set(`{aegis:${region}}:migrating`, 'a process that died', 'PX', 300);
    let stolen = false;
    const sleeper = releaseWith({
      // Frozen until its lock is another's.
      region: async () => {
        if (stolen) return;
        stolen = true;
        await redis.set(`{aegis:${region}}:migrating`, 'who took over', 'PX', 300);
      },
    });
    const changes = await sleeper.ensure();
    expect(changes.filter((change) => change.region === region)).toEqual([{ region, from: 1, to: 2 }]);
    expect(await schemaOf(meta)).toEqual(['2', '1']);
  });
});
