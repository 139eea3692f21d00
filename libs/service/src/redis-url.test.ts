import { expect, test } from '@jest/globals';
import { parseRedisUrl } from './redis-url.js';
import { StartupError } from './startup-error.js';

test.each([
  ['redis://redis', { address: 'redis:6379', options: { host: 'redis', port: 6379, db: 0 } }],
  ['redis://redis:7000/3', { address: 'redis:7000', options: { host: 'redis', port: 7000, db: 3 } }],
  ['redis://[::1]:7000/', { address: '[::1]:7000', options: { host: '::1', port: 7000, db: 0 } }],
  [
    'redis://aegis:p%40ss%2Fword@redis',
    { address: 'redis:6379', options: { host: 'redis', port: 6379, db: 0, username: 'aegis', password: 'p@ss/word' } },
  ],
  [
    'rediss://:pw@redis.example.com:6380',
    {
      address: 'redis.example.com:6380',
      options: {
        host: 'redis.example.com',
        port: 6380,
        db: 0,
        password: 'pw',
        tls: { servername: 'redis.example.com' },
      },
    },
  ],
  ['rediss://10.0.0.1', { address: '10.0.0.1:6379', options: { host: '10.0.0.1', port: 6379, db: 0, tls: {} } }],
])('%s is understood', (url, target) => {
  expect(parseRedisUrl(url)).toEqual({ kind: 'standalone', ...target });
});

test.each([
  '',
  'redis',
  'http://:hunter2@redis',
  'redis:///0',
  'redis://:hunter2@redis/zero',
  'redis://:hunter2@redis?family=6',
])('"%s" is refused without repeating it', (url) => {
  expect(() => parseRedisUrl(url)).toThrow(StartupError);
  expect(() => parseRedisUrl(url)).not.toThrow(/hunter2/);
});
