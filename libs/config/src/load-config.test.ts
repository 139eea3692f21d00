import { describe, expect, test } from '@jest/globals';
import { ConfigError } from './config-error.js';
import { loadConfig } from './load-config.js';
import { hashApiKey, LOCAL_API_KEY, LOCAL_SECRET } from './local-environment.js';

const REGION = {
  name: 'eu-west-1',
  imageId: 'ami-0123456789abcdef0',
  instanceTypes: ['t3.micro'],
  subnetIds: ['subnet-1'],
  securityGroupIds: ['sg-1'],
};
const KEY = { name: 'ci', tenant: 'acme', sha256: hashApiKey('some key'), scopes: ['relays:read'] };
const SECRET = 'b7a1f0c2d95e4386b7a1f0c2d95e4386';

/** The least a production process needs, all by environment. */
const PRODUCTION = {
  AEGIS_DEPLOYMENT_ID: 'prod-eu',
  AEGIS_SECRET: SECRET,
  REDIS_URL: 'redis://redis:6379',
  AEGIS_PUBLIC_URL: 'https://aegis.example.com/',
  AEGIS_API_KEYS: JSON.stringify([KEY]),
  AEGIS_REGIONS: JSON.stringify([REGION]),
};
const LOCAL = { AEGIS_ENV: 'local', AEGIS_REGIONS: JSON.stringify([REGION]) };

type Env = Record<string, string | undefined>;

function load(env: Env, files: Record<string, string> = {}) {
  const readFile = (path: string): string => {
    const text = files[path];
    if (text === undefined) throw Object.assign(new Error('ENOENT'), { code: 'ENOENT' });
    return text;
  };
  return loadConfig({ env, readFile });
}

function faults(env: Env, files?: Record<string, string>): string[] {
  try {
    load(env, files);
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split('\n');
    throw error;
  }
  return [];
}

/** A production configuration in a file, with these lines added. */
function faultsOfFile(yaml: string, env: Env = {}): string[] {
  return faults({ ...PRODUCTION, AEGIS_CONFIG: '/c.yaml', ...env }, { '/c.yaml': yaml });
}

describe('sources', () => {
  test('the environment alone is enough, and everything else has its default', () => {
    const config = load(PRODUCTION);
    expect(config).toMatchObject({
      environment: 'production',
      deploymentId: 'prod-eu',
      logLevel: 'info',
      shutdownTimeoutSeconds: 25,
      api: { host: '127.0.0.1', port: 8080, publicUrl: 'https://aegis.example.com', keys: [KEY], metrics: {} },
      jobs: { host: '127.0.0.1', port: 8081, metrics: {} },
      relays: { defaultLeaseSeconds: 3600, maxLeaseSeconds: 86_400, heartbeatTimeoutSeconds: 60, readiness: 'checkin' },
      regions: [REGION],
    });
  });

  test('the environment overrides the file key by key, and takes lists whole', () => {
    const yaml = 'logLevel: warn\napi: {port: 9000, host: 0.0.0.0}\nrelays: {minLeaseSeconds: 5}\nregions: []';
    const config = load({ ...PRODUCTION, AEGIS_CONFIG: '/c.yaml', AEGIS_API_PORT: '9001' }, { '/c.yaml': yaml });
    expect(config.logLevel).toBe('warn');
    expect(config.api).toMatchObject({ port: 9001, host: '0.0.0.0' });
    expect(config.relays.minLeaseSeconds).toBe(5);
    expect(config.regions).toMatchObject([REGION]);
  });

  test('an empty variable and a key without a value count as absent', () => {
    const env = { ...PRODUCTION, AEGIS_LOG_LEVEL: '', AEGIS_CONFIG: '/c.yaml' };
    expect(load(env, { '/c.yaml': 'api:\njobs:\n  port:\nlogLevel:' })).toMatchObject({
      logLevel: 'info',
      jobs: { port: 8081 },
    });
  });

  test('merge keys let regions share what they have in common', () => {
    const yaml = `regions:\n  - &r ${JSON.stringify(REGION)}\n  - <<: *r\n    name: us-east-1`;
    const config = load({ ...PRODUCTION, AEGIS_REGIONS: '', AEGIS_CONFIG: '/c.yaml' }, { '/c.yaml': yaml });
    expect(config.regions.map(({ name, imageId }) => [name, imageId])).toEqual([
      ['eu-west-1', REGION.imageId],
      ['us-east-1', REGION.imageId],
    ]);
  });

  test('truth values and numbers are read from text', () => {
    const env = { ...PRODUCTION, AEGIS_PUBLIC_URL: 'http://aegis.internal', AEGIS_API_ALLOW_PLAIN_HTTP: 'true' };
    expect(load({ ...env, AEGIS_RELAYS_RETENTION_SECONDS: '60' })).toMatchObject({
      api: { allowPlainHttp: true },
      relays: { retentionSeconds: 60 },
    });
  });
});

describe('secrets', () => {
  test('come from files named by the environment or by the YAML file, without the last line break', () => {
    const files = {
      '/s': `${SECRET}\n`,
      '/t': 'a-token-of-sixteen+\n',
      '/c.yaml': 'api: {metrics: {bearerTokenFile: /t}}',
    };
    const env = { ...PRODUCTION, AEGIS_SECRET: undefined, AEGIS_SECRET_FILE: '/s', AEGIS_CONFIG: '/c.yaml' };
    const config = load(env, files);
    expect(config.secret).toBe(SECRET);
    expect(config.api.metrics.bearerToken).toBe('a-token-of-sixteen+');
  });

  test('are refused inside the YAML file, and never repeated in a message', () => {
    const lines = faultsOfFile(`secret: ${SECRET}\nredisUrl: redis://:hunter2@redis`);
    expect(lines).toEqual([
      expect.stringMatching(
        /^\/c\.yaml:1: secret: secrets do not belong in this file: use secretFile here, or AEGIS_SECRET /,
      ),
      expect.stringMatching(/^\/c\.yaml:2: redisUrl: secrets do not belong/),
    ]);
    const wrong = faults({ ...PRODUCTION, AEGIS_SECRET: 'hunter2', REDIS_URL: 'http://:hunter2@redis' });
    expect(wrong).toEqual([
      'AEGIS_SECRET: must have at least 32 characters',
      'REDIS_URL: must be a redis://, redis+sentinel:// or redis+cluster:// URL, with rediss for TLS',
    ]);
  });

  test('a redisUrl without a password may stand in the file', () => {
    const env = { ...PRODUCTION, REDIS_URL: undefined, AEGIS_CONFIG: '/c.yaml' };
    expect(load(env, { '/c.yaml': 'redisUrl: rediss://redis:6380/1' }).redisUrl).toBe('rediss://redis:6380/1');
  });

  test('an unreadable or empty secret file, and one given twice, are one fault each', () => {
    const env = { ...PRODUCTION, AEGIS_SECRET: undefined, AEGIS_SECRET_FILE: '/none' };
    expect(faults(env)).toEqual(['AEGIS_SECRET_FILE: cannot read /none (no such file)']);
    expect(faults({ ...env, AEGIS_SECRET_FILE: '/s' }, { '/s': '\n' })).toEqual([
      'AEGIS_SECRET_FILE: /s is empty: write the value into it',
    ]);
    expect(faults({ ...PRODUCTION, AEGIS_SECRET_FILE: '/s' }, { '/s': SECRET })).toEqual([
      'AEGIS_SECRET_FILE: AEGIS_SECRET is set too: keep one of the two',
    ]);
  });

  test.each([
    [LOCAL_SECRET, 'is the published secret of the local stack'],
    ['please-change-me-please-change-me-please', 'is a placeholder'],
    ['abababababababababababababababababab', 'repeats too few characters to be secret'],
  ])('the guessable secret %s is refused', (secret, problem) => {
    expect(faults({ ...PRODUCTION, AEGIS_SECRET: secret })).toEqual([
      `AEGIS_SECRET: ${problem}; generate one: openssl rand -hex 32`,
    ]);
  });
});

describe('the local environment', () => {
  test('needs nothing but regions and accepts the fixed key with all scopes', () => {
    const config = load({ ...LOCAL, AEGIS_API_PORT: '18080' });
    expect(config).toMatchObject({
      environment: 'local',
      deploymentId: 'local',
      redisUrl: 'redis://127.0.0.1:6379',
      api: { publicUrl: 'http://127.0.0.1:18080' },
    });
    expect(config.secret.length).toBeGreaterThanOrEqual(32);
    expect(config.api.keys).toEqual([
      {
        name: 'local-dev',
        tenant: 'local',
        sha256: hashApiKey(LOCAL_API_KEY),
        scopes: ['relays:read', 'relays:write', 'admin'],
      },
    ]);
  });

  test('keeps the keys it is given beside the fixed one', () => {
    const config = load({ ...LOCAL, AEGIS_API_KEYS: JSON.stringify([KEY]) });
    expect(config.api.keys.map((key) => key.name)).toEqual(['ci', 'local-dev']);
  });

  test.each(['production', 'staging', 'locale'])('its key and its empty key list are refused in %s', (environment) => {
    const env = { ...PRODUCTION, AEGIS_ENV: environment };
    const localKey = { ...KEY, sha256: hashApiKey(LOCAL_API_KEY) };
    expect(faults({ ...env, AEGIS_API_KEYS: JSON.stringify([localKey]) })).toEqual([
      'AEGIS_API_KEYS[0].sha256: is the published key of the local stack: make a key of your own',
    ]);
    expect(faults({ ...env, AEGIS_API_KEYS: '[]' })).toEqual([
      'AEGIS_API_KEYS: is empty, so nobody could use the API: add a key',
    ]);
    expect(load(env).api.keys).toEqual([KEY]);
  });
});

describe('faults', () => {
  test('nothing set: everything that is needed is listed with the way to set it', () => {
    expect(faults({})).toEqual([
      'deploymentId: is missing: set AEGIS_DEPLOYMENT_ID, or deploymentId in the file',
      'secret: is missing: set AEGIS_SECRET, or AEGIS_SECRET_FILE to a file that holds it',
      'redisUrl: is missing: set REDIS_URL, or REDIS_URL_FILE to a file that holds it',
      'api.publicUrl: is missing: set AEGIS_PUBLIC_URL, or api.publicUrl in the file',
      'regions: is missing: set AEGIS_REGIONS, or regions in the file',
    ]);
  });

  test('faults of every kind and source are reported together, each with its place', () => {
    const yaml = [
      'api:',
      '  port: 70000',
      '  prot: 1',
      'jobs: {host: 7}',
      'relays: {minLeaseSeconds: 70, defaultLeaseSeconds: 60, readiness: soon}',
      'regions:',
      '  - {name: us-east-1, imageId: img, instanceTypes: [], subnetIds: [subnet-1], securityGroupIds: [sg-1, sg-1]}',
      '  - name: us-east-1',
    ].join('\n');
    expect(faultsOfFile(yaml, { AEGIS_REGIONS: '', AEGIS_LOG_LEVEL: 'loud', AEGIS_API_HSOT: 'x' })).toEqual([
      'AEGIS_API_HSOT: no such setting: did you mean AEGIS_API_HOST?',
      'AEGIS_LOG_LEVEL: must be one of error, warn, info, debug, not "loud"',
      '/c.yaml:2: api.port: must be at most 65535',
      '/c.yaml:3: api.prot: no such key: did you mean port?',
      '/c.yaml:4: jobs.host: must be text, not 7: put it in quotes',
      '/c.yaml:5: relays.readiness: must be one of checkin, running, not "soon"',
      '/c.yaml:7: regions[0].imageId: must be an AMI id, such as ami-0123456789abcdef0, or resolve:ssm: and the name of an SSM parameter that holds one; it is "img"',
      '/c.yaml:7: regions[0].instanceTypes: must have at least one entry',
      '/c.yaml:7: regions[0].securityGroupIds: holds an entry twice',
      '/c.yaml:8: regions[1].imageId: is missing: add it',
      '/c.yaml:8: regions[1].instanceTypes: is missing: add it',
      '/c.yaml:8: regions[1].subnetIds: is missing: add it',
      '/c.yaml:8: regions[1].securityGroupIds: is missing: add it',
      '/c.yaml:8: regions[1].name: another entry has this region',
    ]);
  });

  test('a container is taken whole, from the environment too, and only with the agent that starts it', () => {
    const env = {
      ...PRODUCTION,
      AEGIS_RELAYS_CONTAINER_IMAGE: 'registry.example.com:5000/relay@sha256:0f',
      AEGIS_RELAYS_CONTAINER_PORTS: '["443", "0.0.0.0:53:5353/udp", "6000-6010"]',
      AEGIS_RELAYS_CONTAINER_ENV: '[NAME=any text at all, EMPTY=]',
      AEGIS_RELAYS_CONTAINER_OPTIONS: '[--cap-add=NET_ADMIN, --network=host]',
    };
    expect(load(env).relays.container).toEqual({
      image: 'registry.example.com:5000/relay@sha256:0f',
      ports: ['443', '0.0.0.0:53:5353/udp', '6000-6010'],
      env: ['NAME=any text at all', 'EMPTY='],
      options: ['--cap-add=NET_ADMIN', '--network=host'],
    });
    expect(load(PRODUCTION).relays.container).toBeUndefined();
    expect(faults({ ...env, AEGIS_RELAYS_AGENT: 'image' })).toEqual([
      'relays.container: has no effect: relays.agent is image',
    ]);
    expect(faults({ ...env, AEGIS_RELAYS_CONTAINER_IMAGE: '' })).toEqual([
      'relays.container.image: is missing: set AEGIS_RELAYS_CONTAINER_IMAGE, or relays.container.image in the file',
    ]);
  });

  test.each([
    ['AEGIS_RELAYS_CONTAINER_IMAGE', '-v /:/host'],
    ['AEGIS_RELAYS_CONTAINER_PORTS', '["80:80:80"]'],
    ['AEGIS_RELAYS_CONTAINER_ENV', '["1=x"]'],
    ['AEGIS_RELAYS_CONTAINER_ENV', '["A=x\\nB=y"]'],
    ['AEGIS_RELAYS_CONTAINER_OPTIONS', '["-d"]'],
    ['AEGIS_RELAYS_CONTAINER_OPTIONS', '["--name=mine"]'],
    ['AEGIS_RELAYS_CONTAINER_OPTIONS', '["--label=a\\nalpine"]'],
  ])('%s as %s would start something else than what was meant', (name, value) => {
    const lines = faults({ ...PRODUCTION, AEGIS_RELAYS_CONTAINER_IMAGE: 'relay', [name]: value });
    expect(lines).toEqual([expect.stringMatching(`^${name}(\\[0\\])?: must be `)]);
  });

  test.each([
    'ami-0123456789abcdef0',
    'resolve:ssm:/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64',
    'resolve:ssm:golden-ami:7',
    'resolve:ssm:/golden/ami:live',
  ])('%s names an image', (imageId) => {
    const env = { ...PRODUCTION, AEGIS_REGIONS: JSON.stringify([{ ...REGION, imageId }]) };
    expect(load(env).regions[0]?.imageId).toBe(imageId);
  });

  test.each([
    ['relays: {minLeaseSeconds: 70, defaultLeaseSeconds: 60}', 'minLeaseSeconds: must be at most defaultLeaseSeconds'],
    ['relays: {maxLeaseSeconds: 60}', 'defaultLeaseSeconds: must be at most maxLeaseSeconds'],
    ['relays: {maxLifetimeSeconds: 7200}', 'maxLeaseSeconds: must be at most maxLifetimeSeconds'],
    ['relays: {heartbeatTimeoutSeconds: 10}', 'heartbeatTimeoutSeconds: must be more than heartbeatIntervalSeconds'],
    ['relays: {silenceLimitSeconds: 10}', 'silenceLimitSeconds: must be more than heartbeatIntervalSeconds'],
    ['drainDelaySeconds: 25', 'drainDelaySeconds: must be less than shutdownTimeoutSeconds'],
    ['api: {metrics: {port: 8080}}', 'api.metrics.port: is api.port too'],
    ['jobs: {metrics: {host: 0.0.0.0}}', 'jobs.metrics.host: has no effect without jobs.metrics.port'],
  ])('%s is contradictory', (yaml, fault) => {
    expect(faultsOfFile(yaml)).toEqual([expect.stringContaining(fault)]);
  });

  test('a fault elsewhere hides no contradiction', () => {
    const lines = faultsOfFile('logLevel: loud\nrelays: {maxLifetimeSeconds: 7200}');
    expect(lines).toHaveLength(2);
  });

  test('regions whose ids could not be told apart are refused', () => {
    const regions = ['us-east-1', 'us-e-1'].map((name) => ({ ...REGION, name }));
    expect(faults({ ...PRODUCTION, AEGIS_REGIONS: JSON.stringify(regions) })).toEqual([
      'AEGIS_REGIONS[1].name: has the same short code (use1) in relay ids as another region',
    ]);
  });

  test('API keys with a repeated name or hash are refused', () => {
    const keys = JSON.stringify([KEY, { ...KEY, name: 'other' }, { ...KEY, sha256: hashApiKey('x') }]);
    expect(faults({ ...PRODUCTION, AEGIS_API_KEYS: keys })).toEqual([
      'AEGIS_API_KEYS[2].name: another key has this name',
      'AEGIS_API_KEYS[1].sha256: another key has this hash',
    ]);
  });

  test('plain http beyond loopback is refused, on loopback it is not', () => {
    expect(faults({ ...PRODUCTION, AEGIS_PUBLIC_URL: 'http://aegis.internal' })).toEqual([
      expect.stringMatching(/^AEGIS_PUBLIC_URL: relays would send their secrets over plain http: use https/),
    ]);
    expect(faults({ ...PRODUCTION, AEGIS_PUBLIC_URL: 'http://127.0.0.1:8080' })).toEqual([]);
  });

  test('what Kubernetes puts into the environment is ignored or explained', () => {
    expect(
      faults({ ...PRODUCTION, AEGIS_API_SERVICE_HOST: '10.0.0.1', AEGIS_API_PORT_8080_TCP_ADDR: '10.0.0.1' }),
    ).toEqual([]);
    expect(faults({ ...PRODUCTION, AEGIS_API_PORT: 'tcp://10.0.0.1:8080' })).toEqual([
      'AEGIS_API_PORT: must be a number, not "tcp://10.0.0.1:8080"; Kubernetes set it: give the pod enableServiceLinks: false',
    ]);
  });

  test("variables of the project's own tools are no faults", () => {
    expect(faults({ ...PRODUCTION, AEGIS_SIM_PORT: '8082', AEGIS_TEST_REDIS_URL: 'x' })).toEqual([]);
  });

  test('a file that cannot be read or parsed is the only fault it causes', () => {
    expect(faults({ AEGIS_ENV: 'local', AEGIS_CONFIG: '/none' })).toEqual([
      'AEGIS_CONFIG: cannot read /none (no such file)',
    ]);
    const local = (text: string) => faults({ AEGIS_ENV: 'local', AEGIS_CONFIG: '/c.yaml' }, { '/c.yaml': text });
    expect(local('a: 1\na: 2')).toEqual(['/c.yaml:2: Map keys must be unique']);
    expect(local('a: [1')).toEqual([expect.stringMatching(/^\/c\.yaml:1: Flow sequence/)]);
    expect(local('- a')).toEqual(['/c.yaml: must be a mapping of keys, such as "logLevel: info"']);
    expect(faults({ ...LOCAL, AEGIS_REGIONS: '[' })).toEqual([
      expect.stringMatching(/^AEGIS_REGIONS: is neither YAML nor JSON/),
    ]);
  });

  test('hostile YAML neither hangs nor pollutes prototypes', () => {
    const bomb = ['a0: &a0 [x,x,x,x,x,x,x,x,x,x]'];
    for (let i = 1; i < 9; i += 1)
      bomb.push(
        `a${i}: &a${i} [${Array(10)
          .fill(`*a${i - 1}`)
          .join(',')}]`,
      );
    expect(faultsOfFile(bomb.join('\n'))[0]).toMatch(/alias/i);
    expect(faultsOfFile('__proto__: {environment: local}')).toEqual([
      expect.stringMatching(/: __proto__: no such key/),
    ]);
    expect(({} as { environment?: string }).environment).toBeUndefined();
  });
});
