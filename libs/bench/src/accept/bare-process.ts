// What the api is compared with: Express with nothing in it but a JSON body and one round trip to Redis.
import type { AddressInfo } from 'node:net';
import express from 'express';
import { Redis } from 'ioredis';

const [redisUrl = ''] = process.argv.slice(2);
const redis = new Redis(redisUrl);
const app = express();
let created = 0;

app.post('/relays', express.json(), async (request, response) => {
  const id = `bare-${(created++).toString(36)}`;
  const relay = { id, state: 'pending', ...request.body };
  await redis.set(`bare:${id}`, JSON.stringify(relay));
  response.status(202).json(relay);
});

app.get('/relays/:id', async (request, response) => {
  const stored = await redis.get(`bare:${request.params.id}`);
  if (stored === null) response.status(404).end();
  else response.json(JSON.parse(stored));
});

const server = app.listen(0, '127.0.0.1', () => {
  process.send?.({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
});
process.on('disconnect', () => process.exit());
