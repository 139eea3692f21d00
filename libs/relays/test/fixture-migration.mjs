// A process of a newer release, for tests that start several at once: `node fixture-migration.mjs REDIS_URL REGION`. Its one
// migration counts its runs and renames a field of every relay. Tells what it changed as JSON.
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { connectTo, keysOf } from '@aegis/local-stack';
import { createStoreSchema } from '@aegis/relays';

const [url, region] = process.argv.slice(2);
const redis = connectTo(url);

const migrations = [
  {
    to: 2,
    oldestProcess: 1,
    async region(client, name) {
      await client.incr(`runs:${name}`);
      for (const key of await keysOf(client, `{aegis:${name}}:relay:*`)) {
        const tenant = await client.hget(key, 'tenant');
        await client.hset(key, 'owner', tenant ?? '');
        await delay(20);
      }
    },
  },
];

// Says that it is ready and waits for the word, so that all of them begin at the same moment.
process.stdout.write('ready\n');
await new Promise((resolve) => process.stdin.once('data', resolve));
const schema = createStoreSchema({ redis, regions: [region], newToken: randomUUID, migrations });
process.stdout.write(`${JSON.stringify(await schema.ensure())}\n`);
process.stdin.destroy();
await redis.quit();
