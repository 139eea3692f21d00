import { expect, test } from '@jest/globals';
import { parseRedisUrl } from './redis-url.js';
import { StartupError } from './startup-error.js';

const at = (host: string, port: number) => ({ host, port });

test.each([
  ['redis://redis', { address: 'redis:6379', at: at('redis', 6379), db: 0 }],
  ['redis://redis:7000/3', { address: 'redis:7000', at: at('redis', 7000), db: 3 }],
  ['redis://[::1]:7000/', { address: '[::1]:7000', at: at('::1', 7000), db: 0 }],
  [
    'redis://aegis:p%40ss%2Fword@redis',
    { address: 'redis:6379', at: at('redis', 6379), db: 0, login: { username: 'aegis', password: 'p@ss/word' } },
  ],
  [
    'rediss://:pw:with:colons@redis.example.com:6380',
    {
      address: 'redis.example.com:6380',
      at: at('redis.example.com', 6380),
      db: 0,
      tls: true,
      login: { password: 'pw:with:colons' },
    },
  ],
])('%s is a standalone Redis', (url, target) => {
  expect(parseRedisUrl(url)).toEqual({ kind: 'standalone', tls: false, login: {}, ...target });
});

test('redis+sentinel:// names the sentinels, the master and perhaps a database', () => {
  expect(parseRedisUrl('rediss+sentinel://aegis:pw@s1,s2:5000,[::1]/my-master/2')).toEqual({
    kind: 'sentinel',
    tls: true,
    address: 'my-master of the sentinels s1:26379, s2:5000, [::1]:26379',
    login: { username: 'aegis', password: 'pw' },
    sentinels: [at('s1', 26_379), at('s2', 5_000), at('::1', 26_379)],
    master: 'my-master',
    db: 2,
  });
});

test('redis+cluster:// names some of the nodes', () => {
  expect(parseRedisUrl('redis+cluster://:pw@n1:7000,n2')).toEqual({
    kind: 'cluster',
    tls: false,
    address: 'the cluster of n1:7000, n2:6379',
    login: { password: 'pw' },
    seeds: [at('n1', 7_000), at('n2', 6_379)],
  });
});

test.each([
  ['', /must be one of/],
  ['redis', /must be one of/],
  ['http://:hunter2@redis', /must be one of/],
  ['redis:///0', /must be one of/],
  ['redis://:hunter2@redis/zero', /database number/],
  ['redis://:hunter2@redis?family=6', /takes no options/],
  ['redis://:hunter2%@redis', /%25/],
  ['redis://:hunter2@redis:70000', /host that is none/],
  ['redis://:hunter2@a,b', /several hosts/],
  ['redis+sentinel://:hunter2@s1,s2', /names no master/],
  ['redis+cluster://:hunter2@n1,n2/3', /names a database/],
  ['redis+galaxy://:hunter2@n1', /must be one of/],
])('"%s" is refused, with what to do and without repeating a password', (url, reason) => {
  expect(() => parseRedisUrl(url)).toThrow(StartupError);
  expect(() => parseRedisUrl(url)).toThrow(reason);
  expect(() => parseRedisUrl(url)).not.toThrow(/hunter2/);
});
