import { keysOf } from '@aegis/local-stack';
import type { RegionWorld } from './region-world.js';

export type RegionBackup = ReadonlyMap<string, Buffer>;

/** All that the store holds of the world's region. */
export async function backUpRegion({ redis, region }: RegionWorld): Promise<RegionBackup> {
  const keys = await keysOf(redis, `{aegis:${region}}*`);
  const values = await Promise.all(keys.map((key) => redis.dumpBuffer(key)));
  return new Map(keys.flatMap((key, index) => (values[index] ? [[key, values[index]] as const] : [])));
}

/** As another process of Redis would load it: the process that the region was verified in is not this one. */
export async function restoreRegion(world: RegionWorld, backup: RegionBackup): Promise<void> {
  await world.loseStore();
  for (const [key, value] of backup) await world.redis.restore(key, 0, value);
  await castDoubt(world);
}

/** What was verified was so in a process of Redis that is no more. */
export async function castDoubt({ redis, region }: RegionWorld): Promise<void> {
  await redis.hset(`{aegis:${region}}:meta`, 'verified', 'another process');
}
