// The least an api can do with a create: store it, wake the worker, answer.
import type { AddressInfo } from 'node:net';
import { Queue } from 'bullmq';
import express from 'express';
import { Redis } from 'ioredis';

const [redisUrl = ''] = process.argv.slice(2);
const redis = new Redis(redisUrl);
const queue = new Queue('bare', { connection: redis });
const app = express();
let created = 0;

app.post('/relays', express.json(), async (request, response) => {
  const id = `bare-${(created++).toString(36)}`;
  const relay = { id, state: 'pending', ...request.body };
  await Promise.all([
    redis.set(`bare:${id}`, JSON.stringify(relay)),
    queue.add('launch', { id }, { removeOnComplete: true }),
  ]);
  response.status(202).json(relay);
});

const server = app.listen(0, '127.0.0.1', () => {
  process.send?.({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
});
process.on('disconnect', () => process.exit());
