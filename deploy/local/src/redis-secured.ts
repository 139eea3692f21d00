import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startRedisCluster } from './redis-cluster.js';
import { startRedisSentinels } from './redis-sentinels.js';
import { type RedisServer, startRedisServer } from './redis-server.js';
import { repositoryPath } from './repository.js';

export interface SecuredRedis {
  /** By TLS, each as its own user. */
  readonly urls: { api: string; jobs: string };
  /** Of the tests: by TLS too, and allowed everything. */
  readonly url: string;
  /** All of them. Their own URLs are without TLS, and allowed everything. */
  readonly servers: readonly RedisServer[];
  /** PEM file of the CA that signed the servers' certificate. */
  readonly caPath: string;
  stop(): Promise<void>;
}

export const SECURED_KINDS = ['standalone', 'sentinel', 'cluster'] as const;
export type SecuredKind = (typeof SECURED_KINDS)[number];

export interface SecuredRedisOptions {
  dir: string;
  kind?: SecuredKind;
  settings?: Readonly<Record<string, string>>;
}

/** Servers with TLS under a CA of their own, and with the users that docs/redis.md lists. */
export async function startSecuredRedis(options: SecuredRedisOptions): Promise<SecuredRedis> {
  const { dir, kind = 'standalone' } = options;
  await mkdir(dir, { recursive: true });
  await makeCertificates(dir);
  const aclfile = join(dir, 'users.acl');
  await writeFile(aclfile, `user default on nopass ~* &* +@all\n${await documentedUsers()}\n`);
  const tls = {
    'tls-ca-cert-file': join(dir, 'ca.pem'),
    'tls-cert-file': join(dir, 'server.pem'),
    'tls-key-file': join(dir, 'server.key'),
    'tls-auth-clients': 'no',
  };
  const { url, servers, stop } = await START[kind]({ dir, tls, settings: { aclfile, ...options.settings } });
  return {
    url,
    urls: {
      api: url.replace('://', '://aegis-api:API-PASSWORD@'),
      jobs: url.replace('://', '://aegis-jobs:JOBS-PASSWORD@'),
    },
    servers,
    caPath: tls['tls-ca-cert-file'],
    stop,
  };
}

type Settings = Readonly<Record<string, string>>;
type Started = Pick<SecuredRedis, 'url' | 'servers' | 'stop'>;

const START: Record<SecuredKind, (options: { dir: string; tls: Settings; settings: Settings }) => Promise<Started>> = {
  standalone: async (options) => {
    const server = await startRedisServer(options);
    return { url: `rediss://127.0.0.1:${server.tlsPort}`, servers: [server], stop: server.stop };
  },
  sentinel: (options) => startRedisSentinels({ ...options, replicas: 1 }),
  cluster: async (options) => {
    const { url, nodes, stop } = await startRedisCluster(options);
    return { url, servers: nodes, stop };
  },
};

async function documentedUsers(): Promise<string> {
  const page = await readFile(repositoryPath('docs/redis.md'), 'utf8');
  const users = /^```acl\n(.+?)^```/ms.exec(page)?.[1];
  if (users === undefined) throw new Error('docs/redis.md lists no users');
  return users;
}

/** As an operator would make them: a CA, and a certificate for the address that clients reach the servers by. */
async function makeCertificates(dir: string): Promise<void> {
  const openssl = (...args: string[]) => promisify(execFile)('openssl', args, { cwd: dir });
  const newKey = ['req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  await openssl(...newKey, '-x509', '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '2', '-subj', '/CN=Test CA');
  await openssl(...newKey, '-keyout', 'server.key', '-out', 'server.csr', '-subj', '/CN=redis');
  await writeFile(join(dir, 'server.ext'), 'subjectAltName = IP:127.0.0.1\n');
  const signing = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', 'server.ext', '-days', '2'];
  await openssl('x509', '-req', '-in', 'server.csr', '-out', 'server.pem', ...signing);
}
