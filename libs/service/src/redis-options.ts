import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import type { RedisOptions } from 'ioredis';
import { parseRedisUrl, type RedisAddress, type RedisTarget } from './redis-url.js';
import { StartupError } from './startup-error.js';

/** What a URL has no place for. Paths are those of PEM files, read when a client is made. */
export interface RedisAccess {
  /** In place of one in the URL. */
  password?: string | undefined;
  tlsCaPath?: string | undefined;
  tlsCertPath?: string | undefined;
  tlsKeyPath?: string | undefined;
  /** The name in the servers' certificates, where it is not the host they are reached by. */
  tlsServerName?: string | undefined;
  sentinelUsername?: string | undefined;
  sentinelPassword?: string | undefined;
}

type ConnectionPart = Pick<
  RedisOptions,
  | 'host'
  | 'port'
  | 'db'
  | 'username'
  | 'password'
  | 'tls'
  | 'sentinels'
  | 'name'
  | 'sentinelUsername'
  | 'sentinelPassword'
  | 'sentinelTLS'
  | 'enableTLSForSentinelMode'
>;

/** What a client is made of: one server at a time, or a cluster of them. */
export type RedisConnectionOptions = { target: RedisTarget; options: ConnectionPart } & (
  | { kind: 'single' }
  | { kind: 'cluster'; seeds: RedisAddress[] }
);

export function redisConnectionOptions(url: string, access: RedisAccess = {}): RedisConnectionOptions {
  const target = parseRedisUrl(url);
  const tls = target.tls ? tlsOptions(access) : undefined;
  const login = { ...target.login, ...(access.password === undefined ? {} : { password: access.password }) };
  switch (target.kind) {
    case 'standalone': {
      const { at, db } = target;
      const options = { ...at, db, ...login, ...(tls && { tls: withServerName(tls, at.host) }) };
      return { kind: 'single', target, options };
    }
    case 'sentinel': {
      const options = {
        sentinels: target.sentinels,
        name: target.master,
        db: target.db,
        ...login,
        ...(access.sentinelUsername !== undefined && { sentinelUsername: access.sentinelUsername }),
        ...(access.sentinelPassword !== undefined && { sentinelPassword: access.sentinelPassword }),
        ...(tls && { tls, sentinelTLS: tls, enableTLSForSentinelMode: true }),
      };
      return { kind: 'single', target, options };
    }
    case 'cluster':
      return {
        kind: 'cluster',
        target,
        options: { ...login, ...(tls && { tls }) },
        seeds: target.seeds,
      };
  }
}

function tlsOptions({ tlsCaPath, tlsCertPath, tlsKeyPath, tlsServerName }: RedisAccess): ConnectionOptions {
  return {
    ...(tlsCaPath !== undefined && { ca: readPem(tlsCaPath, 'AEGIS_REDIS_TLS_CA_PATH') }),
    ...(tlsCertPath !== undefined && { cert: readPem(tlsCertPath, 'AEGIS_REDIS_TLS_CERT_PATH') }),
    ...(tlsKeyPath !== undefined && { key: readPem(tlsKeyPath, 'AEGIS_REDIS_TLS_KEY_PATH') }),
    ...(tlsServerName !== undefined && { servername: tlsServerName }),
  };
}

/** TLS names hosts, never addresses (RFC 6066). */
function withServerName(tls: ConnectionOptions, host: string): ConnectionOptions {
  return isIP(host) || tls.servername !== undefined ? tls : { ...tls, servername: host };
}

function readPem(path: string, setting: string): string {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new StartupError(`${setting}: ${(error as Error).message}`, { cause: error });
  }
  if (!text.includes('-----BEGIN ')) throw new StartupError(`${setting}: ${path} holds no PEM block`);
  return text;
}
