// Nothing that opens anything can be read in Redis, in the logs or in the list of processes, not even while a launch is under way.

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { issueLaunchToken, issueSessionSecret } from '@aegis/relays';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { waitFor } from '../src/wait-for.js';
import { callApi, LOCAL_KEY } from './api-call.js';
import type { RelayAnswer } from './relay-client.js';
import { startTroubleStack, type TroubleStack } from './trouble-stack.js';

const REGION = 'us-east-1';
const SECRET = 'the secret of this very test and of no other deployment';

let trouble: TroubleStack;
let redis: Redis;
/** What must be nowhere, by name. */
let secrets: Record<string, string>;
let told: string;

beforeAll(async () => {
  trouble = await startTroubleStack({ env: { AEGIS_SECRET: SECRET } });
  redis = new Redis(trouble.stack.redisUrl);
  const { apiUrl } = trouble.stack;
  const body = { name: 'seen', tenant: 'seen', scopes: ['relays:read'] };
  const issued = await callApi<{ key: string }>(`${apiUrl}/api/v1/admin/keys`, { method: 'POST', body });
  await callApi(`${apiUrl}/api/v1/relays`, { key: issued.body.key });
  const active = await trouble.activeRelay({ region: REGION });

  // From here on a launch is under way: its request is stored, to be repeated after a crash.
  await trouble.sim.fault({ operation: 'RunInstances', count: null, effect: 'done', kind: { type: 'hang' } });
  const headers = { 'idempotency-key': 'a key that a client would rather keep to itself' };
  const launching = await callApi(trouble.relaysUrl, { method: 'POST', body: { region: REGION }, headers });
  const [intent = ''] = await waitFor('an open intent', 10_000, async () => {
    const open = await redis.hvals(`{aegis:${REGION}}:intents`);
    return open.length > 0 && open;
  });
  const instance = await trouble.sim.instance(active.instanceId ?? '');
  const storyOf = async (relay: RelayAnswer) => (await callApi(`${trouble.relaysUrl}/${relay.id}/events`)).body;
  const refused = await callApi(`${apiUrl}/api/v1/checkins`, { method: 'POST', body: { launchToken: 1 } });
  told = JSON.stringify([await storyOf(active), await storyOf(launching.body), refused.body]);
  const intentOf = /int_[a-z0-9]+_[0-9a-z]{16}/.exec(instance.userData ?? '')?.[0] ?? '';
  secrets = {
    'deployment secret': SECRET,
    'configured key': LOCAL_KEY,
    'stored key': issued.body.key.split('_').slice(2).join('_'),
    'launch token of an active relay': issueLaunchToken(SECRET, intentOf),
    'launch token of the open intent': issueLaunchToken(SECRET, (JSON.parse(intent) as { id: string }).id),
    'session secret': issueSessionSecret(SECRET, active.id, active.instanceId ?? ''),
    'idempotency key': headers['idempotency-key'],
  };
  // It is what the instance really holds: else the search below would prove nothing.
  expect(instance.userData).toContain(secrets['launch token of an active relay']);
}, 60_000);

afterAll(async () => {
  await redis?.quit();
  await trouble?.sim.clearFaults();
  await trouble?.stack.stop();
}, 30_000);

/** The secrets that stand in a text; a token's last part alone would do. */
function found(text: string): string[] {
  return Object.entries(secrets).flatMap(([name, secret]) => (text.includes(secret.slice(-32)) ? [name] : []));
}

const READERS: Record<string, (key: string) => Promise<unknown>> = {
  string: (key) => redis.get(key),
  hash: (key) => redis.hgetall(key),
  list: (key) => redis.lrange(key, 0, -1),
  set: (key) => redis.smembers(key),
  zset: (key) => redis.zrange(key, 0, '-1'),
  stream: (key) => redis.xrange(key, '-', '+'),
};

test('in Redis, whatever the type of the key', async () => {
  const types = new Set<string>();
  for await (const keys of redis.scanStream({ count: 500 })) {
    for (const key of keys as string[]) {
      const type = await redis.type(key);
      if (type === 'none') continue;
      types.add(type);
      const content = await READERS[type]?.(key);
      expect(content).toBeDefined();
      expect({ key, found: found(key + JSON.stringify(content)) }).toEqual({ key, found: [] });
    }
  }
  expect([...types]).toEqual(expect.arrayContaining(['string', 'hash', 'zset', 'stream']));
});

test('in the logs, in events and in problems', async () => {
  const folder = join(trouble.stack.dir, 'logs');
  for (const name of await readdir(folder)) {
    expect({ name, found: found(await readFile(join(folder, name), 'utf8')) }).toEqual({ name, found: [] });
  }
  expect(found(told)).toEqual([]);
});

test('in the command lines of processes', async () => {
  const { stack } = trouble;
  for (const { name, pid } of [...stack.api, ...stack.jobs, stack.sim]) {
    expect({ name, found: found(await readFile(`/proc/${pid}/cmdline`, 'utf8')) }).toEqual({ name, found: [] });
  }
});
