// The least a worker can do that launches a stored relay and would know the launch again after a crash.
import { EC2Client, RunInstancesCommand } from '@aws-sdk/client-ec2';
import { Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { ONE_INSTANCE } from '../simulated-catalogue.js';

const [redisUrl = '', simUrl = ''] = process.argv.slice(2);
const redis = new Redis(redisUrl, { maxRetriesPerRequest: null });
const clients = new Map<string, EC2Client>();

function clientOf(region: string): EC2Client {
  const known = clients.get(region);
  if (known) return known;
  const credentials = { accessKeyId: 'any', secretAccessKey: 'any' };
  const client = new EC2Client({ region, endpoint: simUrl, credentials });
  clients.set(region, client);
  return client;
}

const worker = new Worker<{ id: string }>(
  'bare',
  async ({ data: { id } }) => {
    const stored = await redis.get(`bare:${id}`);
    if (stored === null) throw new Error(`${id} is not stored`);
    await redis.set(`bare:intent:${id}`, stored);
    const { region } = JSON.parse(stored) as { region: string };
    await clientOf(region).send(new RunInstancesCommand({ ...ONE_INSTANCE, ClientToken: id }));
  },
  { connection: redis, concurrency: 16 },
);
await worker.waitUntilReady();
process.send?.({ ready: true });
process.on('disconnect', () => process.exit());
