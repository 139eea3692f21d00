import { isIP } from 'node:net';
import type { RedisOptions } from 'ioredis';
import { StartupError } from './startup-error.js';

/** Where Redis is. One kind today; Sentinel and Cluster join as further kinds, and `connectRedis` switches on it. */
export interface RedisTarget {
  kind: 'standalone';
  /** `host:port`, for logs and faults: never the user or the password. */
  address: string;
  options: Pick<RedisOptions, 'host' | 'port' | 'username' | 'password' | 'db' | 'tls'>;
}

/** Understands `redis://[user:password@]host[:port][/db]` and, for TLS, `rediss://`. */
export function parseRedisUrl(text: string): RedisTarget {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || (url.protocol !== 'redis:' && url.protocol !== 'rediss:') || url.hostname === '') {
    throw new StartupError('REDIS_URL must look like redis://[user:password@]host[:port][/db], or rediss:// for TLS');
  }
  if (url.search !== '' || url.hash !== '' || !/^(\/\d{0,4})?$/.test(url.pathname)) {
    throw new StartupError(
      'REDIS_URL takes a database number after the port and nothing else, such as redis://host:6379/0',
    );
  }
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const port = url.port === '' ? 6379 : Number(url.port);
  return {
    kind: 'standalone',
    address: `${url.hostname}:${port}`,
    options: {
      host,
      port,
      db: Number(url.pathname.slice(1)),
      ...(url.username === '' ? {} : { username: decodeURIComponent(url.username) }),
      ...(url.password === '' ? {} : { password: decodeURIComponent(url.password) }),
      // TLS names hosts, never addresses (RFC 6066).
      ...(url.protocol === 'rediss:' ? { tls: isIP(host) ? {} : { servername: host } } : {}),
    },
  };
}
