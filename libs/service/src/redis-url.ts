import { isIP } from 'node:net';
import type { RedisOptions } from 'ioredis';
import { StartupError } from './startup-error.js';

export interface RedisAddress {
  host: string;
  port: number;
}

type Login = Pick<RedisOptions, 'username' | 'password'>;

interface Target {
  /** For logs and faults: addresses and names, never the user or the password. */
  address: string;
  /** Whether the servers (and the sentinels) speak TLS. */
  tls: boolean;
  login: Login;
}

/** Where Redis is, and what kind of Redis it is. */
export type RedisTarget =
  | (Target & { kind: 'standalone'; at: RedisAddress; db: number })
  | (Target & { kind: 'sentinel'; sentinels: RedisAddress[]; master: string; db: number })
  | (Target & { kind: 'cluster'; seeds: RedisAddress[] });

const FORMS = `REDIS_URL must be one of
  redis://[user:password@]host[:port][/db]
  redis+sentinel://[user:password@]sentinel[:port],sentinel[:port],…/master-name[/db]
  redis+cluster://[user:password@]node[:port],node[:port],…
with rediss instead of redis for TLS`;

const SHAPE =
  /^(?<scheme>rediss?)(?:\+(?<kind>sentinel|cluster))?:\/\/(?:(?<login>[^@]*)@)?(?<hosts>[^/?#@]+)(?<path>\/[^?#]*)?$/;
const HOST = /^(?:\[(?<v6>[0-9a-fA-F:.]+)\]|(?<name>[A-Za-z0-9._-]+))(?::(?<port>\d{1,5}))?$/;

const REDIS_PORT = 6379;
const SENTINEL_PORT = 26_379;

/**
 * Understands a standalone Redis, Sentinel and Cluster, each with or without TLS. The fault of what it does not understand
 * repeats nothing of it: it may hold a password.
 */
export function parseRedisUrl(text: string): RedisTarget {
  const parts = SHAPE.exec(text)?.groups;
  if (parts === undefined) throw new StartupError(shapeFault(text));
  const { scheme, kind, login = '', hosts = '', path = '' } = parts;
  const common = { tls: scheme === 'rediss', login: parseLogin(login) };
  switch (kind) {
    case 'sentinel': {
      const sentinels = parseHosts(hosts, SENTINEL_PORT);
      const [, master = '', db] = /^\/([A-Za-z0-9._-]+)(?:\/(\d{1,4}))?$/.exec(path) ?? [];
      if (master === '') {
        throw new StartupError(
          `REDIS_URL names no master: put the name that the sentinels monitor it by after the sentinels, such as redis+sentinel://${hosts}/mymaster`,
        );
      }
      const address = `${master} of the sentinels ${addresses(sentinels)}`;
      return { kind, ...common, address, sentinels, master, db: Number(db ?? 0) };
    }
    case 'cluster': {
      if (path !== '' && path !== '/') {
        throw new StartupError('REDIS_URL names a database, and a Redis Cluster has only one: end it with the nodes');
      }
      const seeds = parseHosts(hosts, REDIS_PORT);
      return { kind, ...common, address: `the cluster of ${addresses(seeds)}`, seeds };
    }
    default: {
      const [at, ...others] = parseHosts(hosts, REDIS_PORT);
      if (at === undefined || others.length > 0) {
        throw new StartupError(
          'REDIS_URL names several hosts: say which kind they are with redis+sentinel:// or redis+cluster://',
        );
      }
      if (!/^(\/\d{0,4})?$/.test(path)) {
        throw new StartupError(
          'REDIS_URL takes a database number after the port and nothing else, such as redis://host:6379/0',
        );
      }
      return { kind: 'standalone', ...common, address: addresses([at]), at, db: Number(path.slice(1)) };
    }
  }
}

function shapeFault(text: string): string {
  const options = /^rediss?(\+\w+)?:\/\/[^?#]*[?#]/.test(text);
  return options ? `REDIS_URL takes no options after ? or #: they are settings of their own. ${FORMS}` : FORMS;
}

function parseLogin(text: string): Login {
  const colon = text.indexOf(':');
  const [username, password] = colon < 0 ? [text, ''] : [text.slice(0, colon), text.slice(colon + 1)];
  try {
    return {
      ...(username === '' ? {} : { username: decodeURIComponent(username) }),
      ...(password === '' ? {} : { password: decodeURIComponent(password) }),
    };
  } catch {
    throw new StartupError(
      'REDIS_URL has a % in its user or password that starts no escape: write %25 for it, or use AEGIS_REDIS_PASSWORD',
    );
  }
}

function parseHosts(text: string, usualPort: number): RedisAddress[] {
  return text.split(',').map((entry) => {
    const { v6, name, port } = HOST.exec(entry)?.groups ?? {};
    const host = v6 ?? name;
    const number = port === undefined ? usualPort : Number(port);
    if (host === undefined || number < 1 || number > 65_535 || (v6 !== undefined && isIP(v6) !== 6)) {
      throw new StartupError(`REDIS_URL has a host that is none. ${FORMS}`);
    }
    return { host, port: number };
  });
}

function addresses(list: readonly RedisAddress[]): string {
  return list.map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`).join(', ');
}
