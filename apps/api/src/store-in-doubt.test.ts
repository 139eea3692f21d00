import { randomInt } from 'node:crypto';
import { testRedisUrl } from '@aegis/local-stack';
import { newRelayId } from '@aegis/relays';
import { expect, test } from '@jest/globals';
import { startTestApi } from './testing/test-api.js';
import { KEYS, testConfig } from './testing/test-config.js';
import { verifyStores } from './testing/verify-stores.js';

test('while relays may have been forgotten, no id is said not to exist, whoever asks', async () => {
  const config = testConfig(testRedisUrl('api'), {});
  const api = await startTestApi(config.redisUrl, {}, config, { storeInDoubt: true });
  try {
    const created = await api.ask('POST', '/api/v1/relays', { body: {} });
    expect(created.status).toBe(202);
    const { id } = created.body;
    const unknown = newRelayId(api.region, Date.now(), randomInt);
    const requests = (of: string) =>
      [
        ['GET', `/api/v1/relays/${of}`],
        ['DELETE', `/api/v1/relays/${of}`],
        ['POST', `/api/v1/relays/${of}/renew`],
        ['GET', `/api/v1/relays/${of}/events`],
      ] as const;
    for (const [method, path] of requests(unknown)) {
      const answer = await api.ask(method, path);
      expect(answer).toMatchObject({ status: 503, body: { code: 'store_recovering' } });
      expect(answer.headers.get('retry-after')).toBe('2');
    }
    for (const [method, path] of requests(id)) {
      expect((await api.ask(method, path, { key: KEYS.rival })).body.code).toBe('store_recovering');
    }
    expect((await api.ask('GET', `/api/v1/relays/${id}`)).status).toBe(200);

    await verifyStores(config);
    for (const [method, path] of requests(unknown)) {
      expect((await api.ask(method, path)).body.code).toBe('relay_not_found');
    }
  } finally {
    await api.stop();
  }
});
