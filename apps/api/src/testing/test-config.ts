import { randomInt } from 'node:crypto';
import { type AegisConfig, hashApiKey, loadConfig } from '@aegis/config';

/** The keys every test api knows, by what they may do. */
export const KEYS = {
  acme: 'test-key-acme',
  reader: 'test-key-acme-reader',
  writer: 'test-key-acme-writer',
  rival: 'test-key-rival',
  operator: 'test-key-operator',
} as const;

/** A configuration with the product's own defaults, and with regions and tenants that no other test has. */
export function testConfig(redisUrl: string, relays: Partial<AegisConfig['relays']>): AegisConfig {
  const suffix = randomLetters();
  const region = {
    imageId: 'ami-1',
    instanceTypes: ['t3.micro'],
    subnetIds: ['subnet-1'],
    securityGroupIds: ['sg-1'],
  };
  const key = (name: keyof typeof KEYS, tenant: string, scopes: string[]) => ({
    name,
    tenant: `${tenant}-${suffix}`,
    sha256: hashApiKey(KEYS[name]),
    scopes,
  });
  const config = loadConfig({
    env: {
      AEGIS_ENV: 'test',
      AEGIS_DEPLOYMENT_ID: 'test',
      AEGIS_SECRET: 'a secret of the tests, 32 characters or more',
      AEGIS_PUBLIC_URL: 'http://127.0.0.1:8080',
      AEGIS_LOG_LEVEL: 'debug',
      // Tests ask without pause.
      AEGIS_API_RATE_LIMITS_READ: '1000000',
      AEGIS_API_RATE_LIMITS_WRITE: '1000000',
      AEGIS_API_RATE_LIMITS_ADMIN: '1000000',
      AEGIS_API_RATE_LIMITS_UNAUTHENTICATED: '1000000',
      AEGIS_SHUTDOWN_TIMEOUT_SECONDS: '5',
      REDIS_URL: redisUrl,
      ...(redisUrl.startsWith('rediss') && { AEGIS_REDIS_TLS_CA_PATH: process.env.AEGIS_TEST_REDIS_CA }),
      AEGIS_REGIONS: JSON.stringify(['us', 'eu'].map((area) => ({ ...region, name: `${area}-${suffix}-1` }))),
      AEGIS_API_KEYS: JSON.stringify([
        key('acme', 'acme', ['relays:read', 'relays:write']),
        key('reader', 'acme', ['relays:read']),
        key('writer', 'acme', ['relays:write']),
        key('rival', 'rival', ['relays:read', 'relays:write']),
        key('operator', 'operator', ['admin']),
      ]),
    },
  });
  return { ...config, api: { ...config.api, port: 0 }, relays: { ...config.relays, ...relays } };
}

/** A region's name holds letters only. */
function randomLetters(): string {
  return Array.from({ length: 10 }, () => String.fromCharCode(97 + randomInt(26))).join('');
}
