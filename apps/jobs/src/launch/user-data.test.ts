import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { type AegisConfig, loadConfig } from '@aegis/config';
import { describe, expect, test } from '@jest/globals';
import { LAUNCH_TOKEN_PLACEHOLDER } from './launch-token.js';
import { buildUserData } from './user-data.js';

const REGION = {
  name: 'us-east-1',
  imageId: 'ami-0abcdef1234567890',
  instanceTypes: ['t3.micro'],
  subnetIds: ['subnet-0123456789abcdef0'],
  securityGroupIds: ['sg-0123456789abcdef0'],
};

function configOf(env: Record<string, string> = {}, region: object = {}): AegisConfig {
  return loadConfig({ env: { AEGIS_ENV: 'local', AEGIS_REGIONS: JSON.stringify([{ ...REGION, ...region }]), ...env } });
}

interface Document {
  write_files: { path: string; content: string; encoding?: string }[];
  runcmd?: string[][];
}

/** The document, and its files as cloud-init writes them. */
function render(config: AegisConfig): { text: string; document: Document; files: Map<string, string> } {
  const [region] = config.regions;
  if (region === undefined) throw new Error('no region');
  const text = buildUserData(config, region);
  const document = JSON.parse(text.replace('#cloud-config\n', '')) as Document;
  const files = document.write_files.map(({ path, content, encoding }): [string, string] => [
    path,
    encoding === undefined ? content : gunzipSync(Buffer.from(content, 'base64')).toString(),
  ]);
  return { text, document, files: new Map(files) };
}

describe('user data', () => {
  test('is the same every time, under 16 KB, and shows the place of the launch token', () => {
    const { text } = render(configOf({ AEGIS_RELAYS_CONTAINER_IMAGE: 'relay' }));
    expect(text).toBe(render(configOf({ AEGIS_RELAYS_CONTAINER_IMAGE: 'relay' })).text);
    expect(Buffer.byteLength(text)).toBeLessThan(12 * 1024);
    expect(text.split(LAUNCH_TOKEN_PLACEHOLDER)).toHaveLength(2);
  });

  test('tells the agent what the configuration says', () => {
    const { files } = render(
      configOf({ AEGIS_RELAYS_SILENCE_LIMIT_SECONDS: '77', AEGIS_PUBLIC_URL: 'https://a.example' }),
    );
    expect(JSON.parse(files.get('/etc/aegis/agent.json') ?? '')).toEqual({
      controlPlaneUrl: 'https://a.example',
      region: 'us-east-1',
      launchToken: LAUNCH_TOKEN_PLACEHOLDER,
      heartbeatSeconds: 10,
      silenceLimitSeconds: 77,
    });
  });

  test('brings the script without what explains it', () => {
    const script = render(configOf()).files.get('/usr/local/sbin/aegis-relay-agent') ?? '';
    expect(script).toMatch(/^#!\/bin\/sh\nset -u\n/);
    expect(script).not.toMatch(/^\s*#[^!]/m);
    expect(script).toMatch(/\nesac\n$/);
  });

  test('brings nothing but settings where the image has the agent', () => {
    const { files, document } = render(configOf({ AEGIS_RELAYS_AGENT: 'image' }));
    expect([...files.keys()]).toEqual(['/etc/aegis/agent.json']);
    expect(document.runcmd).toBeUndefined();
  });
});

describe('the container', () => {
  const general = {
    AEGIS_RELAYS_CONTAINER_IMAGE: 'relay:1',
    AEGIS_RELAYS_CONTAINER_PORTS: '["443", "6000-6010/udp", "8443:443"]',
    AEGIS_RELAYS_CONTAINER_ENV: '[A=1]',
    AEGIS_RELAYS_CONTAINER_OPTIONS: '[--cap-add=NET_ADMIN]',
  };

  test('is described to the script line by line, a port alone being the same inside and outside', () => {
    const { files } = render(configOf(general));
    expect(files.get('/etc/aegis/container.args')).toBe(
      'relay:1\n--publish=443:443\n--publish=6000-6010:6000-6010/udp\n--publish=8443:443\n--cap-add=NET_ADMIN\n',
    );
    expect(files.get('/etc/aegis/container.env')).toBe('A=1\n');
    expect(files.has('/etc/systemd/system/aegis-relay.service')).toBe(true);
  });

  test('of a region takes the place of the general one, whole', () => {
    const { files } = render(configOf(general, { container: { image: 'relay:2' } }));
    expect(files.get('/etc/aegis/container.args')).toBe('relay:2\n');
    expect(files.get('/etc/aegis/container.env')).toBe('');
  });

  test('that makes more of it than EC2 takes is refused at the start', () => {
    const noise = (n: number) => createHash('sha512').update(String(n)).digest('base64url');
    const options = Array.from({ length: 100 }, (_, n) => `--label=${noise(2 * n)}${noise(2 * n + 1)}`);
    expect(() => render(configOf(general, { container: { image: 'relay', options } }))).toThrow(
      /user data of us-east-1 would have \d+ bytes, .*: shorten env and options/,
    );
  });
});
