import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from './free-port.js';
import { startRedisServer } from './redis-server.js';
import { repositoryPath } from './repository.js';

export interface SecuredRedis {
  /** By TLS, each as its own user. */
  readonly urls: { api: string; jobs: string };
  /** Of the tests: without TLS, and allowed everything. */
  readonly url: string;
  /** PEM file of the CA that signed the server's certificate. */
  readonly caPath: string;
  stop(): Promise<void>;
}

/** A server with TLS under a CA of its own, and with the users that docs/redis.md lists. */
export async function startSecuredRedis(options: {
  dir: string;
  settings?: Readonly<Record<string, string>>;
}): Promise<SecuredRedis> {
  const { dir } = options;
  await mkdir(dir, { recursive: true });
  await makeCertificates(dir);
  const aclFile = join(dir, 'users.acl');
  await writeFile(aclFile, `user default on nopass ~* &* +@all\n${await documentedUsers()}\n`);
  const tlsPort = await freePort();
  const server = await startRedisServer({
    dir,
    settings: {
      'tls-port': String(tlsPort),
      'tls-ca-cert-file': join(dir, 'ca.pem'),
      'tls-cert-file': join(dir, 'server.pem'),
      'tls-key-file': join(dir, 'server.key'),
      'tls-auth-clients': 'no',
      aclfile: aclFile,
      ...options.settings,
    },
  });
  return {
    url: server.url,
    urls: {
      api: `rediss://aegis-api:API-PASSWORD@127.0.0.1:${tlsPort}`,
      jobs: `rediss://aegis-jobs:JOBS-PASSWORD@127.0.0.1:${tlsPort}`,
    },
    caPath: join(dir, 'ca.pem'),
    stop: server.stop,
  };
}

async function documentedUsers(): Promise<string> {
  const page = await readFile(repositoryPath('docs/redis.md'), 'utf8');
  const users = /^```acl\n(.+?)^```/ms.exec(page)?.[1];
  if (users === undefined) throw new Error('docs/redis.md lists no users');
  return users;
}

/** As an operator would make them: a CA, and a certificate for the address that clients reach the server by. */
async function makeCertificates(dir: string): Promise<void> {
  const openssl = (...args: string[]) => promisify(execFile)('openssl', args, { cwd: dir });
  const newKey = ['req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  await openssl(...newKey, '-x509', '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '2', '-subj', '/CN=Test CA');
  await openssl(...newKey, '-keyout', 'server.key', '-out', 'server.csr', '-subj', '/CN=redis');
  await writeFile(join(dir, 'server.ext'), 'subjectAltName = IP:127.0.0.1\n');
  const signing = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', 'server.ext', '-days', '2'];
  await openssl('x509', '-req', '-in', 'server.csr', '-out', 'server.pem', ...signing);
}
